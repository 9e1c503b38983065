import { expect, test } from 'vitest'
import { fullJitterMs } from './jitter.ts'

test.each([
  [0, 100],
  [1, 200],
  [3, 800],
  [4, 1_000],
  [31, 1_000],
  [1_000_000, 1_000],
])('wait %i is somewhere between nothing and %i ms', (attempt, boundMs) => {
  const waits = Array.from({ length: 500 }, () => fullJitterMs(attempt, 100, 1_000))
  for (const wait of waits) {
    expect(wait).toBeGreaterThanOrEqual(0)
    expect(wait).toBeLessThan(boundMs)
  }
  // Spread over the whole range: 500 draws that all miss a quarter of it come up once in 10^62.
  expect(Math.min(...waits)).toBeLessThan(boundMs / 4)
  expect(Math.max(...waits)).toBeGreaterThan((boundMs * 3) / 4)
})
