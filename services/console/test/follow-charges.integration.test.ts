import { randomUUID } from 'node:crypto'
import {
  as,
  call,
  draftListing,
  eventually,
  saveAlert,
} from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import type { ServiceName } from '@nightshift/local/system/secrets'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { followCharges } from '../src/clients/follow-charges.ts'

let system: TestSystem

beforeAll(async () => {
  system = await openTestSystem({
    parts: inject('parts'),
    run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  })
})
afterAll(() => system[Symbol.asyncDispose]())

/** The test sets the time of a row, because it cannot wait for two minutes. */
const longAgo = `now() - interval '2 minutes'`

test('a charge is followed to the ledger, the live listing and the mail, and what is missing is named', async () => {
  const { listings } = system.urls
  await saveAlert(system)
  const draft = await call('POST', `${listings}/v1/listings`, {
    headers: as(system, 'acme'),
    body: draftListing(),
  })
  const { listingId } = draft.json
  const { json } = await call('POST', `${listings}/v1/listings/${listingId}/publish`, {
    headers: as(system, 'acme', randomUUID()),
    body: { plan: 'basic', cardToken: 'pm_card_visa' },
  })
  const { paymentId, publicationId } = json
  const follow = followCharges({
    payments: system.databaseUrl('payments'),
    listings: system.databaseUrl('listings'),
    notifications: system.databaseUrl('notifications'),
  })
  const charge = { paymentId, publicationId }
  await eventually('the listing is live', async () =>
    (await follow([charge], 0)).notLive.length === 0 ? true : undefined,
  )
  const change = (service: ServiceName, text: string, ...values: string[]) =>
    withDatabase(system.databaseUrl(service), database => database.query(text, values))
  // Only then are its mails looked for.
  await change(
    'listings',
    `UPDATE listings SET published_at = ${longAgo} WHERE listing_id = $1`,
    listingId,
  )
  const [deliveryId] = await eventually('its mail is sent', async () => {
    const { mailsSent } = await follow([charge], 0)
    return mailsSent.length === 1 ? mailsSent : undefined
  })
  const unknown = { paymentId: randomUUID(), publicationId: randomUUID() }
  const right = { looked: 1, unbooked: [], notLive: [], unannounced: [], mailsWaiting: [] }
  expect(await follow([charge, unknown], 0)).toEqual({
    ...right,
    looked: 2,
    unbooked: [unknown.paymentId],
    mailsSent: [deliveryId],
  })
  expect(await follow([charge], Date.now())).toEqual({ ...right, mailsSent: [] })

  // Otherwise its jobs would mend what is damaged now.
  await system.stop('notifications')

  await change(
    'notifications',
    `UPDATE deliveries SET status = 'pending', sent_at = NULL, created_at = ${longAgo},
       next_check_at = now() + interval '1 hour'
     WHERE delivery_id = $1`,
    deliveryId ?? '',
  )
  expect(await follow([charge], 0)).toEqual({
    ...right,
    mailsWaiting: [deliveryId],
    mailsSent: [],
  })
  await change(
    'notifications',
    'UPDATE announcements SET matched_at = NULL WHERE listing_id = $1',
    listingId,
  )
  expect((await follow([charge], 0)).unannounced).toEqual([listingId])
  await change(
    'listings',
    `UPDATE publications SET status = 'captured' WHERE publication_id = $1`,
    publicationId,
  )
  expect((await follow([charge], 0)).notLive).toEqual([publicationId])
})
