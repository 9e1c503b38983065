import { limits as listings } from '@nightshift/listings/limits'
import { proxyLimits } from '@nightshift/local/proxy/limits'
import { limits as notifications } from '@nightshift/notifications/limits'
import { limits as payments } from '@nightshift/payments/limits'
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

test('one instance takes all connections that HAProxy takes, so that no request waits in it', () => {
  for (const { http } of [payments, listings, notifications]) {
    expect(http.connectionsMax).toBeGreaterThan(proxyLimits.connectionsMax)
  }
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
