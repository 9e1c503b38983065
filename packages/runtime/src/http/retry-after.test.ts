import { expect, test } from 'vitest'
import { retryAfterMs } from './retry-after.ts'

const nowMs = Date.UTC(2026, 10, 29, 3, 0, 0)

test.each([
  ['7', 7_000],
  [' 7 ', 7_000],
  ['0', 0],
  ['Sun, 29 Nov 2026 03:00:09 GMT', 9_000],
  ['Sun, 29 Nov 2026 02:00:00 GMT', 0],
  ['86400', 30_000],
  ['Mon, 30 Nov 2026 03:00:00 GMT', 30_000],
  ['soon', 1_000],
  ['', 1_000],
  ['-5', 1_000],
  [undefined, 1_000],
  [['1', '2'], 1_000],
])('Retry-After %j asks for %i ms', (header, expected) => {
  expect(retryAfterMs(header, nowMs, 30_000)).toBe(expected)
})
