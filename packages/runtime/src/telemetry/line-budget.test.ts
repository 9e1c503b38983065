import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openLineBudget } from './line-budget.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('the lines over the budget of a second are left out and counted, by kind', () => {
  const said: object[] = []
  const mayWrite = openLineBudget(2, counts => said.push(counts))
  const written = (kind: string, times: number) =>
    Array.from({ length: times }, () => mayWrite(kind)).filter(Boolean).length
  expect(written('POST /v1/payments 503', 10)).toBe(2)
  // A rare kind is not crowded out by a frequent one.
  expect(written('POST /v1/payments 500', 1)).toBe(1)
  vi.advanceTimersByTime(1_000)
  expect(said).toEqual([{ 'POST /v1/payments 503': 8 }])
  expect(written('POST /v1/payments 503', 1)).toBe(1)
})

test('a second in which everything was written says nothing', () => {
  const said: object[] = []
  const mayWrite = openLineBudget(2, counts => said.push(counts))
  mayWrite('GET /v1/listings 200')
  vi.advanceTimersByTime(5_000)
  expect(said).toEqual([])
})
