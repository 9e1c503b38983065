import type { Principal } from '@nightshift/runtime/http/authenticate'
import { buildHttpServer } from '@nightshift/runtime/http/server'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { createMetrics } from '@nightshift/runtime/telemetry/metrics'
import { expect, test } from 'vitest'
import { atTheDoor } from './door.ts'
import { policyOf, toldRate } from './told-rate.ts'

const limits = {
  requestBudgetMs: 1_000,
  keepAliveMs: 5_000,
  bodyBytesMax: 1_024,
  connectionsMax: 10,
  acceptQueueMax: 16,
} as const
const payer: Principal = { tenantId: 'tenant', keyId: '0a0a0a0a', scopes: ['payments:write'] }

test('a request that an earlier hook has refused gives back no place, as it never had one', async () => {
  let nowMs = 0
  const admission = toldRate({ surplus: 1, forgetMs: 10_000, burstMs: 1_000 }, () => nowMs)
  const metrics = createMetrics('door')
  const app = await buildHttpServer({
    title: 'Door',
    description: '',
    limits,
    log: openLog('door', { write: () => {} }),
    metrics,
    authenticate: async header => (header === 'Bearer one' ? payer : undefined),
  })
  const door = atTheDoor({
    dependency: 'scarce',
    admission,
    limits: { activeMs: 2_000, burstMs: 1_000, tenantsMax: 10 },
    registry: metrics.registry,
  })
  app.post('/', { config: { scope: 'payments:write' }, ...door }, async () => 'done')
  const ask = async (authorization: string) =>
    (await app.inject({ method: 'POST', url: '/', headers: { authorization } })).statusCode

  admission.hear(policyOf(4))
  nowMs += 2_000
  const statuses = [await ask('Bearer one')]
  while (statuses.at(-1) === 200) statuses.push(await ask('Bearer one'))
  expect(statuses.at(-1)).toBe(503)
  for (let i = 0; i < 10; i += 1) expect(await ask('Bearer unknown')).toBe(401)
  expect(await ask('Bearer one')).toBe(503)
  await app.close()
})
