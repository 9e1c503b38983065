/** Answers the next number in [0, 1). */
export type RandomSource = () => number

/** Streams this far apart on the generator's circle do not meet within a run. */
const streamDistance = 0x9e3779b9

/**
 * Creates a small seeded generator (mulberry32). The same seed gives the same faults in the same
 * order, so a run that found something can be repeated. Each kind of fault takes a `stream` of its
 * own, so a new kind leaves the numbers of the others unchanged. It is not for secrets or identifiers.
 */
export function createRandomSource(seed: number, stream = 0): RandomSource {
  let state = (seed + stream * streamDistance) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
