import { randomUUID } from 'node:crypto'
import { as, call, draftListing, eventually } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem } from '@nightshift/load-tests/harness/test-system'
import { expect, inject, test } from 'vitest'
import { switchesIn } from '../src/system/switches.ts'

/**
 * Values of a switch that only one service has a use for. `npm start` hands a switch to every
 * service, so each of them has to accept every value.
 */
const cases = ['select-then-insert', 'claim-in-business-transaction', 'cache-then-charge'].map(
  value => ['PATTERN_IDEMPOTENCY_KEY', value] as const,
)
const startsMs = 60_000

test.each(cases)(
  'a system with %s=%s starts, and publishes a listing',
  async (name, value) => {
    const env = switchesIn({ [name]: value })
    await using system = await openTestSystem({
      parts: inject('parts'),
      run: ['card-provider', 'payments', 'listings'],
      env: { payments: env, listings: env },
    })
    const headers = as(system, 'acme')
    const url = `${system.urls.listings}/v1/listings`
    const { listingId } = (await call('POST', url, { headers, body: draftListing() })).json
    const published = await call('POST', `${url}/${listingId}/publish`, {
      headers: as(system, 'acme', `test-${randomUUID()}`),
      body: { plan: 'basic', cardToken: 'pm_card_visa' },
    })
    expect(published.status).toBe(201)
    await eventually('the listing is live', async () => {
      const { json } = await call('GET', `${url}/${listingId}`, { headers })
      return json.status === 'live' ? true : undefined
    })
  },
  startsMs,
)
