import { randomUUID } from 'node:crypto'
import { scopes } from '@nightshift/contracts/scopes'
import { as, call } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { issueKey } from '@nightshift/local/seed/tenant-keys'
import { makeApiKey } from '@nightshift/runtime/http/api-keys'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'

const callers = 64
const asksWhileFlooded = 30

let system: TestSystem

beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: ['listings'] })
})
afterAll(() => system[Symbol.asyncDispose]())

const somewhere = () => `${system.urls.listings}/v1/listings/${randomUUID()}`
const ask = (headers: Record<string, string>) => call('GET', somewhere(), { headers })

/** Asks with a key that is made up, again and again, until it is told to stop. */
function flood() {
  const statuses = new Map<number, number>()
  let isOver = false
  const callAgain = async () => {
    while (!isOver) {
      const { status } = await ask({ authorization: `Bearer ${makeApiKey()}` })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  const ends = Array.from({ length: callers }, callAgain)
  return {
    stop: async () => {
      isOver = true
      await Promise.all(ends)
      return statuses
    },
  }
}

test('a flood of made-up keys: who is known is answered, and who is not known yet gets in', async () => {
  const { apiKeyPeppers } = system.secrets
  const tables = {
    payments: { url: system.databaseUrl('payments'), pepper: apiKeyPeppers.payments },
    listings: { url: system.databaseUrl('listings'), pepper: apiKeyPeppers.listings },
  }
  const issued = await issueKey(tables, { tenantId: randomUUID(), scopes })
  if (issued.kind !== 'issued') throw new Error('a new tenant has no keys')
  expect((await ask(as(system, 'acme'))).status).toBe(404)

  const attack = flood()
  const uncached = await ask({ authorization: `Bearer ${issued.key}` })
  const tookMs: number[] = []
  for (let times = 0; times < asksWhileFlooded; times += 1) {
    const askedAt = performance.now()
    expect((await ask(as(system, 'acme'))).status).toBe(404)
    tookMs.push(performance.now() - askedAt)
  }
  const statuses = await attack.stop()
  expect(uncached.status).toBe(404)
  expect(tookMs.toSorted((a, b) => a - b)[asksWhileFlooded / 2]).toBeLessThan(500)
  expect([...statuses.keys()].filter(status => status !== 401 && status !== 503)).toEqual([])
}, 60_000)
