import { randomUUID } from 'node:crypto'
import { as, call, draftListing, providerLogOf } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'

let system: TestSystem
let listingId: string

beforeAll(async () => {
  const run = ['card-provider', 'payments', 'listings'] as const
  system = await openTestSystem({ parts: inject('parts'), run })
  const headers = as(system, 'acme')
  const url = `${system.urls.listings}/v1/listings`
  listingId = (await call('POST', url, { headers, body: draftListing() })).json.listingId
})
afterAll(() => system[Symbol.asyncDispose]())

function publish(changes: object) {
  return call('POST', `${system.urls.listings}/v1/listings/${listingId}/publish`, {
    headers: as(system, 'acme', `test-${randomUUID()}`),
    body: { plan: 'basic', cardToken: 'pm_card_visa', ...changes },
  })
}

test.each([
  ['amountCents', 1],
  ['amountCents', 9_900],
  ['currency', 'EUR'],
  ['taxCents', 0],
  ['price', '0.00'],
  ['discount', 100],
  ['captureMethod', 'manual'],
])('only the plan decides the price, so %s: %j is refused', async (name, value) => {
  const answer = await publish({ [name]: value })
  expect([answer.status, answer.json.type]).toEqual([400, '/problems/validation-error'])
  expect(answer.json.errors[0].pointer).toBe(`/${name}`)
})

test.each(['free', 'BASIC', '', null, ['basic'], 'constructor', '__proto__'])(
  'an unknown plan %j is refused',
  async plan => {
    const answer = await publish({ plan })
    expect([answer.status, answer.json.type]).toEqual([400, '/problems/validation-error'])
    expect(answer.json.errors[0].pointer).toBe('/plan')
  },
)

test('after the refusals the listing is still a draft with the price of its plan', async () => {
  const headers = as(system, 'acme')
  const url = `${system.urls.listings}/v1/listings/${listingId}`
  expect((await call('GET', url, { headers })).json.status).toBe('draft')
  const { status, json } = await publish({})
  expect([status, json.amountCents]).toEqual([201, 9_900])
  const charges = await providerLogOf(system, json.publicationId)
  expect(charges).toContainEqual(
    expect.objectContaining({ type: 'intent.succeeded', amount: 9_900 }),
  )
})
