import { randomUUID } from 'node:crypto'
import { scopes } from '@nightshift/contracts/scopes'
import { as, call, eventually } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { issueKey } from '@nightshift/local/seed/tenant-keys'
import { makeApiKey } from '@nightshift/runtime/http/api-keys'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'

const callers = 64
const requestsWhileFlooded = 30

let system: TestSystem

beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: ['listings'] })
})
afterAll(() => system[Symbol.asyncDispose]())

const readUnknown = (headers: Record<string, string>) =>
  call('GET', `${system.urls.listings}/v1/listings/${randomUUID()}`, { headers })

/** A busy machine refuses a little of everything before it looks at a key. The caller sends it again. */
const readWhenOpen = (headers: Record<string, string>) =>
  eventually('the instance is not behind', async () => {
    const answer = await readUnknown(headers)
    return answer.json?.title === 'This instance is behind with its work' ? undefined : answer
  })

/** Sends requests with invented keys until it is stopped. */
function flood() {
  const statuses = new Map<number, number>()
  let isOver = false
  const callAgain = async () => {
    while (!isOver) {
      const { status } = await readUnknown({ authorization: `Bearer ${makeApiKey()}` })
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

test('during a flood of invented keys, valid keys are accepted, cached or not', async () => {
  const { apiKeyPeppers } = system.secrets
  const tables = {
    payments: { url: system.databaseUrl('payments'), pepper: apiKeyPeppers.payments },
    listings: { url: system.databaseUrl('listings'), pepper: apiKeyPeppers.listings },
  }
  const issued = await issueKey(tables, { tenantId: randomUUID(), scopes })
  if (issued.kind !== 'issued') throw new Error('a new tenant has no keys')
  expect((await readUnknown(as(system, 'acme'))).status).toBe(404)

  const attack = flood()
  const uncached = await readWhenOpen({ authorization: `Bearer ${issued.key}` })
  const tookMs: number[] = []
  for (let times = 0; times < requestsWhileFlooded; times += 1) {
    const askedAt = performance.now()
    expect((await readWhenOpen(as(system, 'acme'))).status).toBe(404)
    tookMs.push(performance.now() - askedAt)
  }
  const statuses = await attack.stop()
  expect(uncached.status).toBe(404)
  expect(tookMs.toSorted((a, b) => a - b)[requestsWhileFlooded / 2]).toBeLessThan(500)
  expect([...statuses.keys()].filter(status => status !== 401 && status !== 503)).toEqual([])
}, 60_000)
