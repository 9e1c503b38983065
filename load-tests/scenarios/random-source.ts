/** Seeded chance: the same seed gives the same answers in the same order. */
export type Dice = Readonly<{
  /** From 0 up to, not including, 1. */
  chance: () => number
  /** A whole number from 0 up to, not including, `count`. */
  below: (count: number) => number
  pick: <T>(choices: readonly [T, ...T[]]) => T
  /** So many lower-case hexadecimal digits. */
  hex: (digits: number) => string
  uuid: () => string
}>

const values32 = 2 ** 32
const hexDigits = '0123456789abcdef'

/**
 * Dice of one iteration. They are seeded by its place in the run, not by the virtual user that
 * happens to be free for it, so that a run repeats however long its answers take.
 * @param seeds whatever tells this iteration from all others
 */
export function diceOf(...seeds: readonly (string | number)[]): Dice {
  let state = hashOf(seeds.join('/'))
  const chance = () => {
    state = (state + 0x6d2b79f5) | 0
    return scramble(state) / values32
  }
  const below = (count: number) => Math.floor(chance() * count)
  const hex = (digits: number) =>
    Array.from({ length: digits }, () => hexDigits[below(16)]).join('')
  return {
    chance,
    below,
    pick: choices => choices[below(choices.length)] ?? choices[0],
    hex,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
  }
}

/** FNV-1a: texts that differ in one digit begin far from each other once scrambled. */
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
