import { expect, test } from 'vitest'
import { brokenPromises, type Judged } from './broken-promises.ts'

const result = (name: string, violations: Record<string, number>, verdict = 'valid'): Judged => ({
  name,
  arms: {
    naive: { median: {}, verdict: 'invalid', violations },
    with: { median: {}, verdict, violations: {} },
  },
})

test('each promise names the experiments that broke it, in the order of the promises', () => {
  const results = [result('outbox', { S10: 1, S2: 3 }), result('key', { S2: 1 })]
  expect([...brokenPromises(results)]).toEqual([
    ['S2', ['outbox', 'key']],
    ['S10', ['outbox']],
  ])
})

test('a promise that was not kept with the pattern either is not shown by that experiment', () => {
  expect(brokenPromises([result('outbox', { S4: 1 }, 'invalid')])).toEqual(new Map())
})

test('a grid, which has no naive arm, shows none', () => {
  expect(
    brokenPromises([{ name: 'grid', arms: { with: { median: {}, verdict: 'valid' } } }]),
  ).toEqual(new Map())
})
