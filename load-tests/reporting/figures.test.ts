import { expect, test } from 'vitest'
import { median, quantile, spreadOf } from './figures.ts'

test('the median of an even number of values is the mean of the two in the middle', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 3, 2])).toBe(2.5)
})

test('a quantile is one of the values: the smallest that covers the share', () => {
  const hundred = Array.from({ length: 100 }, (_unused, index) => 100 - index)
  expect([0, 0.5, 0.99, 1].map(share => quantile(hundred, share))).toEqual([1, 50, 99, 100])
  expect(quantile([7], 0.99)).toBe(7)
  expect(quantile([], 0.5)).toBeUndefined()
})

test('a spread keeps every round, and has the median and the range of each figure', () => {
  const rounds = [{ lost: 3 }, { lost: 1 }, { lost: 2 }]
  expect(spreadOf(rounds)).toEqual({ rounds, median: { lost: 2 }, range: { lost: [1, 3] } })
})
