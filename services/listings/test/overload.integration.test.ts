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
const catchUpMs = 60_000

test('without payments a publication is refused, its listing stays a draft, and its key begins it anew', async () => {
  const parts = inject('parts')
  const run = ['card-provider', 'payments', 'listings'] as const
  await using system = await openTestSystem({ parts, run })
  await system.stop('payments')

  const refused = await eventually('listings refuses', async () => {
    const listings = await Promise.all(Array.from({ length: atOnce }, () => draft(system)))
    const keyed = listings.map(listingId => ({ listingId, key: `test-${randomUUID()}` }))
    const answers = await Promise.all(keyed.map(one => publish(system, one)))
    const at = answers.findIndex(({ status }) => status === 503)
    const [answer, request] = [answers[at], keyed[at]]
    return answer && request ? { answer, request } : undefined
  })
  expect(refused.answer.json.type).toBe('/problems/overloaded')
  expect(Number(refused.answer.headers.get('retry-after'))).toBeGreaterThan(0)
  const { listingId } = refused.request
  expect((await read(system, listingId)).json.status).toBe('draft')

  await system.start('payments')
  await system.waitReady('payments')
  await eventually(
    'the refused request is accepted under its key',
    async () => ((await publish(system, refused.request)).status === 201 ? true : undefined),
    catchUpMs,
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
