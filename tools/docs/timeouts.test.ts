import { describe, expect, test } from 'vitest'
import { waitRelations } from './timeouts.ts'
import { timeOf } from './timeouts-page.ts'

describe('what one service waits fits what another one takes', () => {
  test.each(waitRelations())(
    '$longer is longer than $shorter',
    ({ longerMs, shorterMs, because }) => {
      expect(longerMs, because).toBeGreaterThan(shorterMs)
    },
  )
})

test.each([
  [500, '500 ms'],
  [3_500, '3.5 s'],
  [90_000, '90 s'],
  [1_800_000, '30 min'],
  [86_400_000, '24 h'],
])('%i ms is written as %s', (ms, text) => {
  expect(timeOf(ms)).toBe(text)
})
