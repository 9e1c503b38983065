import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { openFillers, startSearchFlood } from '@nightshift/load-tests/harness/search-flood'
import {
  as,
  call,
  draftListing,
  eventually,
  whenThereIsRoom,
} from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import pg from 'pg'
import { expect, inject, test } from 'vitest'

const publications = 5
const publishMs = 20_000
const watchEveryMs = 20

/**
 * The public search and the consumer of payment events once shared one pool of connections. A flood
 * of searches kept paid listings from going live.
 */
test('a paid listing goes live during a flood of searches', async () => {
  const run = ['card-provider', 'payments', 'listings'] as const
  await using system = await openTestSystem({ parts: inject('parts'), run })
  await using _fillers = await openFillers(system)
  const calm = await timesToLive(system)

  const flood = await startSearchFlood(system)
  const watch = watchSearches(system)
  const flooded = await timesToLive(system).finally(flood.stop).finally(watch.stop)

  const waits = flood.waitedMs()
  console.log(
    `published to live, calm ${median(calm)} ms, flooded ${median(flooded)} ms (at most ` +
      `${Math.max(...flooded)} ms); ${waits.length} searches, median ${median(waits)} ms, ` +
      `${flood.refused()} refused with 503`,
  )
  // Shorter waits would mean that the flood was too small to prove anything.
  expect(median(waits)).toBeGreaterThan(200)
  // The consumer uses another pool, so no search delays it. The times above would prove this only
  // on an idle machine.
  expect(watch.pools()).toEqual(['listings-search'])
}, 180_000)

/** Collects the names of the pools whose connections the database sees working on a search. */
function watchSearches(system: TestSystem) {
  const seen = new Set<string>()
  const over = new AbortController()
  const watching = (async () => {
    const client = new pg.Client({ connectionString: system.databaseUrl('listings') })
    await client.connect()
    while (!over.signal.aborted) {
      const { rows } = await client.query<{ pool: string }>(
        `SELECT DISTINCT application_name AS pool FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()
           AND state = 'active' AND query LIKE '%published_micros%'`,
      )
      for (const { pool } of rows) seen.add(pool)
      await setTimeout(watchEveryMs, undefined, { signal: over.signal }).catch(() => undefined)
    }
    await client.end()
  })()
  return {
    pools: () => [...seen],
    stop: async () => {
      over.abort()
      await watching
    },
  }
}

/** The times from sending a publication until its owner sees the listing live. */
async function timesToLive(system: TestSystem): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < publications; i += 1) {
    const url = `${system.urls.listings}/v1/listings`
    const headers = as(system, 'acme')
    const drafted = () => call('POST', url, { headers, body: draftListing() })
    const { listingId } = (await whenThereIsRoom('the draft', drafted)).json
    const startedMs = performance.now()
    const paying = {
      headers: as(system, 'acme', `test-${randomUUID()}`),
      body: { plan: 'basic', cardToken: 'pm_card_visa' },
    }
    const published = () => call('POST', `${url}/${listingId}/publish`, paying)
    expect([201, 202]).toContain((await whenThereIsRoom('the publication', published)).status)
    await eventually(
      'the listing is live',
      async () => {
        const { json } = await call('GET', `${url}/${listingId}`, { headers })
        return json.status === 'live' ? true : undefined
      },
      publishMs,
    )
    times.push(performance.now() - startedMs)
  }
  return times
}

function median(numbers: readonly number[]): number {
  return Math.round(numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0)
}
