import { expect, test } from 'vitest'
import { noEffect } from './run-experiment.ts'
import { exitCodeOf } from './run-proofs.ts'

test.each([
  [['proved', 'proved'], 0],
  [['proved', 'not-exercised'], 2],
  [['proved', noEffect], 1],
  [['not-exercised', 'broken', 'proved'], 1],
  [[], 0],
] as const)('%j exits with %i: a broken promise outweighs what did not happen', (all, code) => {
  expect(exitCodeOf(all.map(outcome => ({ outcome })))).toBe(code)
})
