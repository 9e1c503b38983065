/** A seeded random source: the same seed gives the same values in the same order. */
export type RandomSource = Readonly<{
  /** A number from 0 up to, but not including, 1. */
  chance: () => number
  /** A whole number from 0 up to, but not including, `count`. */
  below: (count: number) => number
  pick: <T>(choices: readonly [T, ...T[]]) => T
  /** This many lower-case hexadecimal digits. */
  hex: (digits: number) => string
}>

const values32 = 2 ** 32
const digitsPerDraw = 8

/**
 * Makes a random source of its own for each iteration. Its seed is the iteration's place in the run, and
 * not the virtual user that executes it. So a run repeats, however long its answers take.
 * @param seeds everything that distinguishes this source from others
 */
export function randomSource(...seeds: readonly (string | number)[]): RandomSource {
  let state = hashOf(seeds.join('/'))
  const draw = () => {
    state = (state + 0x6d2b79f5) | 0
    return scramble(state)
  }
  const chance = () => draw() / values32
  const below = (count: number) => Math.floor(chance() * count)
  return {
    chance,
    below,
    pick: choices => choices[below(choices.length)] ?? choices[0],
    hex: digits => {
      let text = ''
      while (text.length < digits) text += draw().toString(16).padStart(digitsPerDraw, '0')
      return text.slice(0, digits)
    },
  }
}

/** FNV-1a, scrambled: texts that differ in one digit have very different hashes. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  return scramble(hash)
}

/** The mixing step of mulberry32. */
function scramble(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 15), value | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return (mixed ^ (mixed >>> 14)) >>> 0
}
