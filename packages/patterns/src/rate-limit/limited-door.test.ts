import type { Principal } from '@nightshift/runtime/http/authenticate'
import { buildHttpServer } from '@nightshift/runtime/http/server'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { createMetrics } from '@nightshift/runtime/telemetry/metrics'
import { expect, test } from 'vitest'
import { atTheDoor } from '../load-shedding/door.ts'
import { policyOf, toldRate } from '../load-shedding/told-rate.ts'
import { limitedDoor } from './limited-door.ts'
import { limitLocally } from './local-limit.ts'
import { rateLimitMetrics } from './metrics.ts'
import { tenantLimits } from './tenant-limits.ts'

const httpLimits = {
  requestBudgetMs: 1_000,
  keepAliveMs: 5_000,
  bodyBytesMax: 1_024,
  connectionsMax: 10,
  acceptQueueMax: 16,
} as const
const numbers = {
  burstMs: 250,
  declinedPerHour: 6,
  declinedAtOnce: 3,
  paidPerDeclined: 10,
  coolOffMs: 1_000,
  bucketsMax: 100,
}
const perSecond = 8
const principals: Readonly<Record<string, Principal>> = {
  acme: { tenantId: 'acme', keyId: '0a0a0a0a', scopes: ['payments:write'] },
  lumen: { tenantId: 'lumen', keyId: '0b0b0b0b', scopes: ['payments:write'] },
  service: { tenantId: 'acme', keyId: '0c', scopes: ['payments:write'], isService: true },
}

/**
 * A server with a limited route, and one that is limited behind a door. Time stands still, a second after
 * the door was told its rate. All but half a place of that, or 85 %, are places for requests.
 */
async function openLab({ random = (): number => 0, toldPerSecond = 100 } = {}) {
  const metrics = createMetrics('limited')
  let nowMs = 0
  const admission = toldRate({ surplus: 1, forgetMs: 10_000, burstMs: 1_000 }, () => nowMs)
  admission.hear(policyOf(toldPerSecond))
  nowMs = 1_000
  const door = limitedDoor({
    takeUnits: limitLocally(numbers.bucketsMax, () => 0),
    limits: tenantLimits('payments', perSecond, numbers),
    metrics: rateLimitMetrics(metrics.registry),
    random,
  })
  const app = await buildHttpServer({
    title: 'Limited',
    description: '',
    limits: httpLimits,
    log: openLog('limited', { write: () => {} }),
    metrics,
    authenticate: async header => principals[header ?? ''],
  })
  app.post(
    '/',
    { config: { scope: 'payments:write' }, onRequest: door.onRequest },
    async () => 'done',
  )
  const scarce = atTheDoor({
    dependency: 'scarce',
    admission,
    limits: { newcomerMs: 500, activeMs: 2_000, burstMs: 1_000, tenantsMax: 10 },
    registry: metrics.registry,
  })
  app.post(
    '/scarce',
    { config: { scope: 'payments:write' }, ...door.behind(scarce) },
    async () => 'done',
  )
  return {
    door,
    ask: (authorization: string, url = '/') =>
      app.inject({ method: 'POST', url, headers: { authorization } }),
    [Symbol.asyncDispose]: () => app.close(),
  }
}

test('an answer tells the limit and what is left of it, and so does a refusal', async () => {
  await using lab = await openLab()
  const first = await lab.ask('acme')
  expect(first.statusCode).toBe(200)
  expect(first.headers).toMatchObject({
    'ratelimit-policy': '"tenant";q=8;w=1',
    ratelimit: '"tenant";r=1;t=1',
  })
  await lab.ask('acme')
  const refused = await lab.ask('acme')
  expect(refused.statusCode).toBe(429)
  expect(refused.headers).toMatchObject({
    'content-type': 'application/problem+json; charset=utf-8',
    ratelimit: '"tenant";r=0;t=1',
    'retry-after': '1',
  })
  expect(refused.json().type).toBe('/problems/too-many-requests')
})

test('a request that is turned away at the door does not count for the limit', async () => {
  await using lab = await openLab({ toldPerSecond: 2 })
  expect((await lab.ask('acme', '/scarce')).statusCode).toBe(200)
  expect((await lab.ask('acme', '/scarce')).statusCode).toBe(503)
  expect((await lab.ask('acme')).statusCode).toBe(200)
  expect((await lab.ask('acme')).statusCode).toBe(429)
})

test('a tenant above its limit keeps no place of the door from others', async () => {
  await using lab = await openLab({ toldPerSecond: 4 })
  for (let i = 0; i < 2; i += 1) expect((await lab.ask('acme', '/scarce')).statusCode).toBe(200)
  expect((await lab.ask('acme', '/scarce')).statusCode).toBe(429)
  expect((await lab.ask('lumen', '/scarce')).statusCode).toBe(200)
  expect((await lab.ask('lumen', '/scarce')).statusCode).toBe(503)
})

test('another tenant is not affected, nor is a service that acts for this one', async () => {
  await using lab = await openLab()
  for (let i = 0; i < 5; i += 1) await lab.ask('acme')
  expect((await lab.ask('acme')).statusCode).toBe(429)
  expect((await lab.ask('lumen')).statusCode).toBe(200)
  const ofService = await lab.ask('service')
  expect(ofService.statusCode).toBe(200)
  expect(ofService.headers['ratelimit']).toBeUndefined()
})

test('after too many declined payments new ones are refused, and told for how long', async () => {
  await using lab = await openLab()
  for (let i = 0; i < numbers.declinedAtOnce; i += 1) lab.door.settled('acme', 'declined')
  const refused = await lab.ask('acme')
  expect(refused.statusCode).toBe(429)
  expect(refused.json().type).toBe('/problems/too-many-declined')
  expect(refused.headers['retry-after']).toBe('600')
  expect((await lab.ask('lumen')).statusCode).toBe(200)
})

test('declined payments that were all under way at once are a debt, which has a bound', async () => {
  await using lab = await openLab()
  for (let i = 0; i < 100; i += 1) lab.door.settled('acme', 'declined')
  const full = 600
  const whole = numbers.declinedAtOnce * full
  expect((await lab.ask('acme')).headers['retry-after']).toBe(String(whole + full))
})

test('one paid payment in ten gives a declined one back', async () => {
  const draws = Array.from({ length: 10 }, (_, at) => at / 10).toReversed()
  await using lab = await openLab({ random: () => draws.pop() ?? 1 })
  for (let i = 0; i < numbers.declinedAtOnce; i += 1) lab.door.settled('acme', 'declined')
  for (let i = 0; i < 10; i += 1) lab.door.settled('acme', 'paid')
  expect((await lab.ask('acme')).statusCode).toBe(200)
  lab.door.settled('acme', 'declined')
  expect((await lab.ask('acme')).statusCode).toBe(429)
})
