import { expect, test } from 'vitest'
import { type RetryMode, retryModeOf } from './retry-mode.ts'

const rules = { keyWindowMs: 1_000, keyMarginMs: 100 }

test.each<[number, RetryMode]>([
  // The clock of the database may be ahead of ours.
  [-5, 'same_key'],
  [0, 'same_key'],
  [899, 'same_key'],
  [900, 'look_up'],
  [999, 'look_up'],
  [1_000, 'look_up_for_good'],
  [1_000_000, 'look_up_for_good'],
])('a request that is %i ms old is retried by %s', (ageMs, mode) => {
  expect(retryModeOf(ageMs, rules)).toBe(mode)
})
