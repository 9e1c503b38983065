import { randomUUID } from 'node:crypto'
import { as, call, draftListing } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { expect, inject, test } from 'vitest'
import { limits } from '../src/limits.ts'

type Tenant = 'acme' | 'lumen'

/** So few that a slow machine sends more than are refilled meanwhile. */
const perSecond = 4
const sentAtOnce = 12
const patience = { timeout: 20_000 }

function openSystem(env: Readonly<Record<string, string>> = {}): Promise<TestSystem> {
  const run = ['card-provider', 'payments', 'listings'] as const
  return openTestSystem({ parts: inject('parts'), run, env: { listings: env } })
}

async function draft(system: TestSystem, tenant: Tenant = 'acme'): Promise<string> {
  const headers = as(system, tenant)
  const body = draftListing()
  return (await call('POST', `${system.urls.listings}/v1/listings`, { headers, body })).json
    .listingId
}

function publish(
  system: TestSystem,
  listingId: string,
  { tenant = 'acme' as Tenant, cardToken = 'pm_card_visa' } = {},
) {
  return call('POST', `${system.urls.listings}/v1/listings/${listingId}/publish`, {
    headers: as(system, tenant, `test-${randomUUID()}`),
    body: { plan: 'basic', cardToken },
  })
}

test('a tenant over its limit stays with its drafts for a moment, and no other one does', async () => {
  await using system = await openSystem({
    PUBLICATIONS_PER_TENANT_PER_SECOND: String(perSecond),
  })
  const drafts = await Promise.all(Array.from({ length: sentAtOnce }, () => draft(system)))
  const theirs = await draft(system, 'lumen')
  const answers = await Promise.all(drafts.map(id => publish(system, id)))
  const at = answers.findIndex(({ status }) => status === 429)
  expect(answers[at]?.json.type).toBe('/problems/too-many-requests')
  expect((await publish(system, theirs, { tenant: 'lumen' })).status).toBe(201)
  const again = () => publish(system, drafts[at] ?? '').then(({ status }) => status)
  await expect.poll(again, patience).toBe(201)
}, 120_000)

test('stolen cards are not tried for long by way of publications', async () => {
  await using system = await openSystem()
  const listingId = await draft(system)
  const cardToken = 'pm_card_chargeDeclined'
  const statuses: number[] = []
  for (let i = 0; i < limits.tenants.declinedAtOnce; i += 1) {
    statuses.push((await publish(system, listingId, { cardToken })).status)
  }
  expect(statuses.filter(status => status === 402).length).toBeGreaterThan(statuses.length - 5)
  const refusal = async () => {
    const { status, json } = await publish(system, listingId, { cardToken })
    return [status, json.type]
  }
  await expect.poll(refusal, patience).toEqual([429, '/problems/too-many-declined'])
  const theirs = await draft(system, 'lumen')
  expect((await publish(system, theirs, { tenant: 'lumen' })).status).toBe(201)
}, 120_000)
