import { randomUUID } from 'node:crypto'
import {
  as,
  call,
  draftListing,
  eventually,
  setProviderFaults,
} from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'

/**
 * A deployment is most urgent while a dependency is silent: then much work is due, and jobs and
 * requests all wait. A stop must not take longer than its deadline even then.
 */

let system: TestSystem
const testMs = 120_000
const stopMaxMs = 10_000
const openAtLeast = 20

beforeAll(async () => {
  const run = ['card-provider', 'payments', 'listings'] as const
  system = await openTestSystem({ parts: inject('parts'), run })
})
afterAll(() => system[Symbol.asyncDispose]())

async function publishOne(on: TestSystem = system): Promise<unknown> {
  const url = `${on.urls.listings}/v1/listings`
  const { listingId } = (await call('POST', url, { headers: as(on, 'acme'), body: draftListing() }))
    .json
  return call('POST', `${url}/${listingId}/publish`, {
    headers: as(on, 'acme', `test-${randomUUID()}`),
    body: { plan: 'basic', cardToken: 'pm_card_visa' },
  }).catch(() => undefined) // a request that is in flight at the stop may lose its answer
}

async function inDatabase(service: 'payments' | 'listings', sql: string): Promise<number> {
  const client = new pg.Client({ connectionString: system.databaseUrl(service) })
  await client.connect()
  try {
    return (await client.query(sql)).rowCount ?? 0
  } finally {
    await client.end()
  }
}

/** Makes all open work due now: the jobs have more to do than a stop has time for. */
function makeAllDue(service: 'payments' | 'listings', table: string): Promise<number> {
  return inDatabase(
    service,
    `UPDATE ${table} SET next_check_at = now() WHERE next_check_at IS NOT NULL`,
  )
}

const finished = () => inDatabase('payments', `SELECT FROM payments WHERE status = 'captured'`)

type Line = { event: string; time: string }

async function linesOf(name: 'payments' | 'listings'): Promise<Line[]> {
  const text = await system.logs(name)
  return text
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))
}

/** Too fast for the breaker to open, but every attempt takes long. */
const slow = { latencyMs: 1_800, silence: 'none' }

test.each([
  ['listings', 'publications', 'silent', { silence: 'before' }],
  ['payments', 'payments', 'silent', { silence: 'before' }],
  ['listings', 'publications', 'slow', slow],
  ['payments', 'payments', 'slow', slow],
] as const)(
  '%s ends within 10 s of SIGTERM while its job has many %s to finish and the card provider is %s',
  async (service, table, how, settings) => {
    await setProviderFaults(system, { silence: 'before', latencyMs: 0 })
    await system.waitReady('payments')
    await system.waitReady('listings')
    await eventually('enough is open', async () => {
      await Promise.all(Array.from({ length: openAtLeast }, () => publishOne()))
      return (await makeAllDue(service, table)) >= openAtLeast ? true : undefined
    })
    const before = await finished()
    await setProviderFaults(system, settings)
    if (settings === slow) {
      await makeAllDue('payments', 'payments')
      await eventually('the breaker is closed, and the job at work', async () =>
        (await finished()) > before ? true : undefined,
      )
    }
    // Requests are in flight at the stop, too.
    const inFlight = Promise.all(Array.from({ length: 5 }, () => publishOne()))
    await makeAllDue(service, table)
    await system.signal(service, 'SIGTERM')
    const ended = await eventually('it has ended', async () => {
      const lines = await linesOf(service)
      const at = (event: string) => lines.findLast(line => line.event === event)?.time
      const [stopping, stopped, crashed] = [
        at('service.stopping'),
        at('service.stopped'),
        at('service.crashed'),
      ]
      const end = stopped ?? crashed
      const isOver = stopping !== undefined && end !== undefined && end > stopping
      return isOver ? { stopping, stopped, crashed } : undefined
    })
    await inFlight
    expect(ended.crashed).toBeUndefined()
    const tookMs = Date.parse(ended.stopped ?? '') - Date.parse(ended.stopping)
    console.log(`${service}, provider ${how}: ${tookMs} ms from SIGTERM to the end`)
    expect(tookMs).toBeLessThan(stopMaxMs)
  },
  testMs,
)

test(
  'every process ends within 10 s of SIGTERM while provider and mail server are silent',
  async () => {
    const names = [
      'notifications',
      'listings',
      'payments',
      'mailbox',
      'card-provider',
      'trace-sink',
      'faults',
    ] as const
    await using all = await openTestSystem({ parts: inject('parts'), run: names, links: true })
    await setProviderFaults(all, { silence: 'before' })
    const headers = { authorization: `Bearer ${all.controlToken}` }
    await call('PATCH', `${all.urls.mailbox}/settings`, { headers, body: { silence: 'after' } })
    const email = 'ada@example.org'
    // Saving an alert sends a mail, which the server accepts without an answer.
    await call('POST', `${all.urls.notifications}/v1/alerts`, { body: { email, text: 'silence' } })
    const inFlight = Promise.allSettled(Array.from({ length: 5 }, () => publishOne(all)))
    const took: string[] = []
    for (const name of names) {
      const startedMs = performance.now()
      await all.signal(name, 'SIGTERM')
      // The state is not enough: the next instance may be ready before a busy machine looks again.
      const reason = await eventually(`${name} has ended`, async () => {
        const { lastEnd } = await all.status(name)
        return lastEnd
      })
      const tookMs = Math.round(performance.now() - startedMs)
      took.push(`${name} ${tookMs} ms, ${reason}`)
      expect([name, reason]).toEqual([name, 'exited with 0'])
      expect(tookMs).toBeLessThan(stopMaxMs)
    }
    console.log(`from SIGTERM to the end: ${took.join('; ')}`)
    await inFlight
  },
  testMs,
)
