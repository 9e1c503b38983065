/** Answers the next number in [0, 1). */
export type Dice = () => number

/**
 * A small seeded generator (mulberry32): the same seed gives the same faults in the same order, so
 * a run that found something can be run again. Not for secrets or identifiers.
 */
export function createDice(seed: number): Dice {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
