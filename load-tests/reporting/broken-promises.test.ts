import { expect, test } from 'vitest'
import { brokenPromises, type JudgedResult } from './broken-promises.ts'

const result = (
  name: string,
  violations: Record<string, number>,
  verdict = 'valid',
): JudgedResult => ({
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

test('an experiment whose pattern did not hold either shows no promise', () => {
  expect(brokenPromises([result('outbox', { S4: 1 }, 'invalid')])).toEqual(new Map())
})

test('a matrix, which has no naive arm, shows no promise', () => {
  expect(
    brokenPromises([{ name: 'matrix', arms: { with: { median: {}, verdict: 'valid' } } }]),
  ).toEqual(new Map())
})
