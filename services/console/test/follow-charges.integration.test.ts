import { randomUUID } from 'node:crypto'
import { as, call, draftListing, eventually } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { followCharges } from '../src/clients/follow-charges.ts'

let system: TestSystem

beforeAll(async () => {
  system = await openTestSystem({
    parts: inject('parts'),
    run: ['card-provider', 'payments', 'listings'],
  })
})
afterAll(() => system[Symbol.asyncDispose]())

test('a charge that is booked and live is right, and one that our tables do not know is named', async () => {
  const { listings } = system.urls
  const draft = await call('POST', `${listings}/v1/listings`, {
    headers: as(system, 'acme'),
    body: draftListing(),
  })
  const { json } = await call('POST', `${listings}/v1/listings/${draft.json.listingId}/publish`, {
    headers: as(system, 'acme', randomUUID()),
    body: { plan: 'basic', cardToken: 'pm_card_visa' },
  })
  const { paymentId, publicationId } = json
  const follow = followCharges({
    payments: system.databaseUrl('payments'),
    listings: system.databaseUrl('listings'),
  })
  const charge = { paymentId, publicationId }
  await eventually('the listing is live', async () =>
    (await follow([charge])).notLive.length === 0 ? true : undefined,
  )
  const unknown = { paymentId: randomUUID(), publicationId: randomUUID() }
  expect(await follow([charge, unknown])).toEqual({
    looked: 2,
    unbooked: [unknown.paymentId],
    notLive: [],
  })
  await withDatabase(system.databaseUrl('listings'), database =>
    database.query(`UPDATE publications SET status = 'captured' WHERE publication_id = $1`, [
      publicationId,
    ]),
  )
  expect((await follow([charge])).notLive).toEqual([publicationId])
})
