import type { Principal } from '@nightshift/runtime/http/authenticate'
import { priorityOf } from '@nightshift/runtime/http/request-state'
import { buildHttpServer } from '@nightshift/runtime/http/server'
import { afterNewcomers, inBackground, type Priority } from '@nightshift/runtime/process/priority'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { createMetrics } from '@nightshift/runtime/telemetry/metrics'
import { expect, test } from 'vitest'
import { callersBudget } from '../deadline/deadline.ts'
import { atTheDoor } from './door.ts'
import { policyOf, toldRate } from './told-rate.ts'

const limits = {
  requestBudgetMs: 1_000,
  keepAliveMs: 5_000,
  bodyBytesMax: 1_024,
  connectionsMax: 10,
  acceptQueueMax: 16,
} as const
const scopes: Principal['scopes'] = ['payments:write']
const principals: Readonly<Record<string, Principal>> = {
  'Bearer one': { tenantId: 'one', keyId: '0a0a0a0a', scopes },
  'Bearer two': { tenantId: 'two', keyId: '0b0b0b0b', scopes },
  'Bearer service': { tenantId: 'two', keyId: '0c0c0c0c', scopes, isService: true },
}

/** A server with one limited route. It was told its rate long enough ago to have saved all places. */
async function openLab(perSecond: number) {
  let nowMs = 0
  let told: Priority | undefined
  const admission = toldRate({ surplus: 1, forgetMs: 10_000, burstMs: 1_000 }, () => nowMs)
  const metrics = createMetrics('door')
  const app = await buildHttpServer({
    title: 'Door',
    description: '',
    limits,
    log: openLog('door', { write: () => {} }),
    metrics,
    readBudget: callersBudget,
    authenticate: async header => principals[header ?? ''],
  })
  const door = atTheDoor({
    dependency: 'scarce',
    admission,
    limits: { newcomerMs: 500, activeMs: 2_000, burstMs: 1_000, tenantsMax: 10 },
    registry: metrics.registry,
  })
  app.post('/', { config: { scope: 'payments:write' }, ...door }, async request => {
    told = priorityOf(request)
    return 'done'
  })
  admission.hear(policyOf(perSecond))
  nowMs += 5_000
  const ask = async (authorization: string, headers: Record<string, string> = {}) =>
    (await app.inject({ method: 'POST', url: '/', headers: { authorization, ...headers } }))
      .statusCode
  return {
    ask,
    /** What the next service hears about the last request that was let in. */
    told: () => told,
    /** Asks until there is no place, and answers how many there were. */
    async placesFor(authorization: string, headers: Record<string, string> = {}): Promise<number> {
      let places = 0
      for (; places < 1_000 && (await ask(authorization, headers)) === 200; places += 1);
      return places
    },
    [Symbol.asyncDispose]: () => app.close(),
  }
}

test('a request that an earlier hook has refused gives back no place, as it never had one', async () => {
  await using lab = await openLab(4)
  expect(await lab.placesFor('Bearer one')).toBeGreaterThan(1)
  for (let i = 0; i < 10; i += 1) expect(await lab.ask('Bearer unknown')).toBe(401)
  expect(await lab.ask('Bearer one')).toBe(503)
})

test('a tenant above its share asks in vain again while there is a place for its first attempts', async () => {
  await using lab = await openLab(20)
  const again = { 'x-retry-attempt': '1' }
  await lab.placesFor('Bearer one', again)
  expect(await lab.ask('Bearer one', again)).toBe(503)
  expect(await lab.ask('Bearer one')).toBe(200)
})

test('a job of a service gets the places that are kept for work that has begun', async () => {
  await using lab = await openLab(40)
  await lab.placesFor('Bearer two')
  expect(await lab.ask('Bearer service')).toBe(503)
  expect(await lab.ask('Bearer service', inBackground)).toBe(200)
})

test('a tenant that calls its request a job gets no kept place', async () => {
  await using lab = await openLab(40)
  await lab.placesFor('Bearer two')
  await lab.placesFor('Bearer one')
  expect(await lab.ask('Bearer one', inBackground)).toBe(503)
  expect(await lab.ask('Bearer service', inBackground)).toBe(200)
})

test('a client that has little time left has waited, and leaves the places to newcomers', async () => {
  await using lab = await openLab(20)
  const waited = { 'x-request-timeout-ms': '400' }
  await lab.placesFor('Bearer one', waited)
  expect(await lab.ask('Bearer one', waited)).toBe(503)
  expect(await lab.ask('Bearer one', { 'x-request-timeout-ms': '600' })).toBe(200)
  expect(await lab.ask('Bearer one')).toBe(200)
})

test('a service says whose client has waited: the time that it leaves is always short', async () => {
  await using lab = await openLab(20)
  await lab.placesFor('Bearer service', afterNewcomers)
  expect(await lab.ask('Bearer service', afterNewcomers)).toBe(503)
  expect(await lab.ask('Bearer service', { 'x-request-timeout-ms': '400' })).toBe(200)
})

test('the next service is told of a client that has waited, and of no other', async () => {
  await using lab = await openLab(20)
  await lab.ask('Bearer one')
  expect(lab.told()).toEqual({})
  await lab.ask('Bearer one', { 'x-retry-attempt': '1', ...inBackground })
  expect(lab.told()).toEqual(afterNewcomers)
  await lab.ask('Bearer service', afterNewcomers)
  expect(lab.told()).toEqual(afterNewcomers)
})
