import { randomUUID } from 'node:crypto'
import { searchTermsOf } from '@nightshift/contracts/search-terms'
import { eventually } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { openTestTopic, type TestTopic } from '@nightshift/load-tests/harness/test-topic'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { matchAnnouncement } from '../src/flows/match-announcement.ts'
import { limits } from '../src/limits.ts'
import { matchSlice, takeMatchingTurn } from '../src/store/announcements.ts'
import { candidatesOf, newAddress, newWord, published } from './candidate.ts'

/**
 * How matching behaves with 100,000 alerts. Its figures are printed:
 * npm test -- integration services/notifications/test/matching.integration.test.ts
 */

const alertsCount = 100_000
/** Of the alerts, those that match the listing: each third one. */
const matchingCount = 33_333
const descriptionMax = 5_000

let system: TestSystem
let listings: TestTopic
let candidates: ReturnType<typeof candidatesOf>

beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: ['mailbox', 'notifications'] })
  listings = await openTestTopic(system, 'listings.v1')
  candidates = candidatesOf(system, listings)
})
afterAll(async () => {
  await listings[Symbol.asyncDispose]()
  await system[Symbol.asyncDispose]()
})

/** A text of the greatest length that a listing may have, without a word twice. */
function longText(): string {
  const words: string[] = []
  for (let at = 0; words.join(' ').length < descriptionMax - 8; at += 1) {
    words.push(`w${(at * 7_919).toString(36)}`)
  }
  return words.join(' ').slice(0, descriptionMax)
}

/**
 * Every third alert asks for words of the text. Of the others, one half has its longest word in the
 * text and not the other, and one half has no word in it at all.
 */
async function saveManyAlerts(text: string): Promise<void> {
  const terms = searchTermsOf(text).slice(0, 900)
  const wanted = terms.slice(400, 404).toSorted()
  await candidates.inDatabase(
    `INSERT INTO addresses (address, send_to, confirmed_at)
     SELECT address, address, now()
     FROM generate_series(1, $1) AS n, concat('many-', n, '@example.org') AS address`,
    [alertsCount],
  )
  await candidates.inDatabase(
    `INSERT INTO alerts (alert_id, address, terms, query, anchor)
     SELECT gen_random_uuid(), concat('many-', n, '@example.org'), terms,
       (SELECT string_agg(quote_literal(term), ' & ') FROM unnest(terms) AS term)::tsquery, anchor
     FROM generate_series(1, $1) AS n,
       LATERAL (SELECT
         CASE n % 3 WHEN 0 THEN $2::text[] WHEN 1 THEN ARRAY[$3, 'x' || n] ELSE ARRAY['absent' || n] END,
         CASE n % 3 WHEN 2 THEN 'absent' || n ELSE $3 END) AS alert (terms, anchor)`,
    [alertsCount, wanted, wanted[0]],
  )
  await candidates.inDatabase('ANALYZE alerts, addresses')
}

async function intended(listingId: string): Promise<number> {
  const [row] = await candidates.inDatabase<{ count: number }>(
    'SELECT count(*)::int AS count FROM deliveries WHERE listing_id = $1',
    [listingId],
  )
  return row?.count ?? 0
}

function isMatched(listingId: string): Promise<boolean> {
  return candidates
    .inDatabase('SELECT FROM announcements WHERE listing_id = $1 AND matched_at IS NOT NULL', [
      listingId,
    ])
    .then(rows => rows.length === 1)
}

// opslane/opslane#508 and stackrox/stackrox#4716: work that grows with the data in a fixed time limit.
describe('one listing that 30,000 of 100,000 alerts match', () => {
  test('is matched in slices, none of which comes near its time limit', {
    timeout: 120_000,
  }, async () => {
    const description = longText()
    await saveManyAlerts(description)
    // The mails themselves are not the matter of this test.
    await system.stop('notifications')
    const crowd = published({ description })
    const { listingId } = crowd.data
    await candidates.inDatabase('INSERT INTO announcements (listing_id, listing) VALUES ($1, $2)', [
      listingId,
      JSON.stringify(crowd.data),
    ])
    const pool = new pg.Pool({ connectionString: system.databaseUrl('notifications'), max: 2 })
    const sliceMs: number[] = []
    const startedMs = performance.now()
    try {
      const deps = {
        takeTurn: () => takeMatchingTurn(pool),
        matchSlice: async (...[listing, terms]: MatchSliceArgs) => {
          const sliceStartedMs = performance.now()
          await matchSlice(pool, listing, terms, limits.match.sliceMax)
          sliceMs.push(performance.now() - sliceStartedMs)
        },
      }
      for (let slices = 0; slices < 1_000; slices += 1) if (!(await matchAnnouncement(deps))) break
    } finally {
      await pool.end()
    }
    const tookMs = performance.now() - startedMs
    const longestMs = Math.max(...sliceMs)
    const perSecond = Math.round((alertsCount / tookMs) * 1_000)
    console.log(
      `${alertsCount} alerts, of which ${matchingCount} match, in ${sliceMs.length} slices: ` +
        `${Math.round(tookMs)} ms, ${perSecond} alerts a second, ` +
        `longest slice ${Math.round(longestMs)} ms`,
    )
    expect(await intended(listingId)).toBe(matchingCount)
    expect(await isMatched(listingId)).toBe(true)
    // With room for a machine that is five times as slow.
    expect(longestMs).toBeLessThan(limits.matchingPool.statementMs / 2)
  })

  test('holds up neither the events behind it nor the next listing', {
    timeout: 120_000,
  }, async () => {
    const word = newWord()
    const email = newAddress()
    await system.start('notifications')
    await system.waitReady('notifications')
    await candidates.subscribe({ email, text: word })
    const crowd = published({ description: longText() })
    const next = published({ title: word })
    // Under one key, so that the second event lies behind the first one in its partition.
    await listings.write(crowd.aggregateId, JSON.stringify(crowd))
    const startedMs = performance.now()
    await listings.write(crowd.aggregateId, JSON.stringify(next))
    await candidates.untilMail(email, 20_000)
    const waitedMs = performance.now() - startedMs
    console.log(
      `the next listing was mailed after ${Math.round(waitedMs)} ms, ` +
        `when ${await intended(crowd.data.listingId)} mails of the first were intended`,
    )
    expect(waitedMs).toBeLessThan(5_000)
    await eventually(
      'all is matched',
      async () => ((await isMatched(crowd.data.listingId)) ? true : undefined),
      60_000,
    )
    expect(await intended(crowd.data.listingId)).toBe(matchingCount)
  })

  test('is matched to its end although the process dies in the middle', {
    timeout: 120_000,
  }, async () => {
    const crowd = published({ description: longText() })
    const { listingId } = crowd.data
    await candidates.announce(crowd)
    await eventually('matching has begun', async () =>
      (await intended(listingId)) > 0 ? true : undefined,
    )
    await system.signal('notifications', 'SIGKILL')
    await system.waitReady('notifications')
    await eventually(
      'all is matched',
      async () => ((await isMatched(listingId)) ? true : undefined),
      60_000,
    )
    expect(await intended(listingId)).toBe(matchingCount)
  })
})

test('the next slice is read from an index, in its order', async () => {
  const rows = await candidates.inDatabase(
    `EXPLAIN (ANALYZE) SELECT alert_id FROM alerts
     WHERE anchor = ANY ($1::text[])
       AND (anchor, alert_id) > ('', '00000000-0000-0000-0000-000000000000'::uuid)
     ORDER BY anchor, alert_id LIMIT 2000`,
    [['', ...searchTermsOf(longText())]],
  )
  const plan = rows.map(row => Object.values(row)[0]).join('\n')
  expect(plan).toMatch(/Index (Only )?Scan using alerts_anchor/)
  expect(plan).not.toMatch(/Seq Scan|Sort/)
})

test('an announcement that can not be matched does not hold up the others', async () => {
  const broken = randomUUID()
  // A listing without texts, as no event could bring it: its slices fail, again and again.
  await candidates.inDatabase('INSERT INTO announcements (listing_id, listing) VALUES ($1, $2)', [
    broken,
    JSON.stringify({ listingId: 'none' }),
  ])
  const word = newWord()
  const email = newAddress()
  await candidates.subscribe({ email, text: word })
  for (let number = 0; number < 3; number += 1) {
    await candidates.announce(published({ title: word }))
  }
  await eventually('three mails', async () =>
    (await candidates.mailsTo(email)).length === 3 ? true : undefined,
  )
  await candidates.inDatabase('DELETE FROM announcements WHERE listing_id = $1', [broken])
})

type MatchSliceArgs = Parameters<Parameters<typeof matchAnnouncement>[0]['matchSlice']>
