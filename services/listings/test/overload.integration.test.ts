import { randomUUID } from 'node:crypto'
import {
  type Answer,
  as,
  call,
  draftListing,
  eventually,
} from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { expect, inject, test } from 'vitest'

const atOnce = 10
const workedOffMs = 60_000

test('while payments is away only so many publications are begun; the refused listing stays a draft', async () => {
  const parts = inject('parts')
  const run = ['card-provider', 'payments', 'listings'] as const
  await using system = await openTestSystem({ parts, run })
  await system.stop('payments')

  const refused = await eventually('listings refuses', async () => {
    const listings = await Promise.all(Array.from({ length: atOnce }, () => draft(system)))
    const wishes = listings.map(listingId => ({ listingId, key: `test-${randomUUID()}` }))
    const answers = await Promise.all(wishes.map(wish => publish(system, wish)))
    const at = answers.findIndex(({ status }) => status === 503)
    const [answer, wish] = [answers[at], wishes[at]]
    return answer && wish ? { answer, wish } : undefined
  })
  expect(refused.answer.json.type).toBe('/problems/overloaded')
  expect(Number(refused.answer.headers.get('retry-after'))).toBeGreaterThan(0)
  const { listingId } = refused.wish
  expect((await read(system, listingId)).json.status).toBe('draft')

  await system.start('payments')
  await system.waitReady('payments')
  await eventually(
    'the same key publishes it when there is room again',
    async () => ((await publish(system, refused.wish)).status === 201 ? true : undefined),
    workedOffMs,
  )
}, 120_000)

async function draft(system: TestSystem): Promise<string> {
  const request = { headers: as(system, 'acme'), body: draftListing() }
  return (await call('POST', `${system.urls.listings}/v1/listings`, request)).json.listingId
}

function publish(
  system: TestSystem,
  { listingId, key }: { listingId: string; key: string },
): Promise<Answer> {
  const body = { plan: 'basic', cardToken: 'pm_card_visa' }
  const url = `${system.urls.listings}/v1/listings/${listingId}/publish`
  return call('POST', url, { headers: as(system, 'acme', key), body })
}

function read(system: TestSystem, listingId: string): Promise<Answer> {
  const url = `${system.urls.listings}/v1/listings/${listingId}`
  return call('GET', url, { headers: as(system, 'acme') })
}
