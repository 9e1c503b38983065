/** Answers the next number in [0, 1). */
export type Dice = () => number

/** Places this far apart on the generator's circle do not meet within a run. */
const placeDistance = 0x9e3779b9

/**
 * A small seeded generator (mulberry32): the same seed gives the same faults in the same order, so
 * a run that found something can be run again. Each kind of luck that is added takes a `place` of
 * its own, and leaves the luck of the others as it was. Not for secrets or identifiers.
 */
export function createDice(seed: number, place = 0): Dice {
  let state = (seed + place * placeDistance) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
