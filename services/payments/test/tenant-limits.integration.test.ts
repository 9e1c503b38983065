import { as, call } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { seedTenants } from '@nightshift/local/seed/seed-data'
import { tenantHeader } from '@nightshift/runtime/http/api-keys'
import { expect, inject, test } from 'vitest'
import { limits } from '../src/limits.ts'
import { newKey, paymentOf } from './payment-of.ts'

/** So few that a slow machine sends more than are refilled meanwhile. */
const perSecond = 4
const sentAtOnce = 20
const patience = { timeout: 20_000 }
const declinedCard = { cardToken: 'pm_card_chargeDeclined' }

function openLimited(env: Readonly<Record<string, string>> = {}): Promise<TestSystem> {
  return openTestSystem({
    parts: inject('parts'),
    run: ['card-provider', 'payments'],
    env: { payments: env },
  })
}

const slowly = { PAYMENTS_PER_TENANT_PER_SECOND: String(perSecond) }

function pay(
  system: TestSystem,
  { body = paymentOf(), key = newKey(), tenant = 'acme' as 'acme' | 'lumen' } = {},
) {
  const headers = as(system, tenant, key)
  return call('POST', `${system.urls.payments}/v1/payments`, { headers, body })
}

/** Listings has the key of a service, and names the tenant that it pays for. */
function payAsListings(system: TestSystem) {
  const headers = {
    authorization: `Bearer ${system.secrets.paymentsServiceKey}`,
    [tenantHeader]: seedTenants[0]?.tenantId ?? '',
    'idempotency-key': newKey(),
  }
  return call('POST', `${system.urls.payments}/v1/payments`, { headers, body: paymentOf() })
}

async function metric(system: TestSystem, name: string): Promise<number> {
  const { text } = await call('GET', `${system.urls.paymentsOperations}/metrics`)
  const lines = text.split('\n').filter(line => line.startsWith(`${name}{`))
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

test('a tenant over its limit is refused before anything has begun, and no other one is', async () => {
  await using system = await openLimited(slowly)
  const sent = Array.from({ length: sentAtOnce }, () => ({ body: paymentOf(), key: newKey() }))
  const answers = await Promise.all(sent.map(each => pay(system, each)))
  const at = answers.findIndex(({ status }) => status === 429)
  const [refused, again] = [answers[at], sent[at]]
  expect(refused?.json.type).toBe('/problems/too-many-requests')
  expect(refused?.headers.get('retry-after')).toBe('1')
  expect(refused?.headers.get('ratelimit-policy')).toContain(`"tenant";q=${perSecond};w=1`)
  expect(refused?.headers.get('ratelimit')).toMatch(/^"tenant";r=0;t=1$/)
  expect((await pay(system, { tenant: 'lumen' })).status).toBe(201)
  const ofListings = await payAsListings(system)
  expect(ofListings.status, 'listings has a limit at its own door').toBe(201)
  expect(ofListings.headers.get('ratelimit')).toBeNull()

  const later = () => pay(system, again)
  await expect.poll(() => later().then(({ status }) => status), patience).toBe(201)
  const isReplayed = () => later().then(({ headers }) => headers.get('idempotency-replayed'))
  await expect.poll(isReplayed, patience).toBe('true')
  expect(await metric(system, 'rate_limit_refused_total')).toBeGreaterThan(0)
}, 120_000)

test('who tries stolen cards is refused after some of them, and others pay on', async () => {
  await using system = await openLimited()
  const statuses = new Map<number, number>()
  const { declinedAtOnce } = limits.tenants
  for (let i = 0; i < declinedAtOnce; i += 1) {
    const { status } = await pay(system, { body: paymentOf(declinedCard) })
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  expect(statuses.get(402)).toBeGreaterThan(declinedAtOnce - 5)
  const refusal = async () => {
    const { status, json } = await pay(system, { body: paymentOf(declinedCard) })
    return [status, json.type]
  }
  await expect.poll(refusal, patience).toEqual([429, '/problems/too-many-declined'])
  const good = await pay(system)
  expect(good.status).toBe(429)
  expect(Number(good.headers.get('retry-after'))).toBeGreaterThan(1)
  expect((await pay(system, { tenant: 'lumen' })).status).toBe(201)
}, 120_000)

test('payments starts and works without Redis, and limits each tenant in the process', async () => {
  await using system = await openLimited({ ...slowly, REDIS_URL: 'redis://127.0.0.1:1' })
  const answers = await Promise.all(Array.from({ length: sentAtOnce }, () => pay(system)))
  const statuses = answers.map(({ status }) => status)
  expect(statuses).toContain(201)
  expect(statuses).toContain(429)
  // A tenant that was told to wait is refused from memory meanwhile, which is no decision.
  expect(await metric(system, 'rate_limit_local_total')).toBeGreaterThan(
    statuses.filter(status => status === 201).length,
  )
}, 120_000)
