import { expect, test } from 'vitest'
import { exitCodeOf } from './run-proofs.ts'

test.each([
  [['proved', 'proved'], 0],
  [['proved', 'not-exercised'], 2],
  [['proved', 'dud'], 1],
  [['not-exercised', 'broken', 'proved'], 1],
  [[], 0],
] as const)(
  '%j leaves with %i: what broke counts for more than what did not happen',
  (all, code) => {
    expect(exitCodeOf(all.map(outcome => ({ outcome })))).toBe(code)
  },
)
