import { randomUUID } from 'node:crypto'
import { searchTermsOf } from '@nightshift/contracts/search-terms'
import { eventually } from '@nightshift/load-tests/harness/test-client'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { matchAnnouncement } from '../src/flows/match-announcement.ts'
import { limits } from '../src/limits.ts'
import { matchSlice, takeMatchingTurn } from '../src/store/announcements.ts'
import { type Candidates, newAddress, newWord, openCandidates, published } from './candidates.ts'

/**
 * Tests matching with 100,000 alerts, and prints its figures:
 * npm test -- integration services/notifications/test/matching.integration.test.ts
 */

const alertsCount = 100_000
/** Every third alert matches the listing. */
const matchingCount = 33_333
const descriptionMax = 5_000

let candidates: Candidates

beforeAll(async () => {
  candidates = await openCandidates(inject('parts'))
})
afterAll(() => candidates[Symbol.asyncDispose]())

/** The longest text that a listing may have, without repeated words. */
function longText(): string {
  const words: string[] = []
  for (let at = 0; words.join(' ').length < descriptionMax - 8; at += 1) {
    words.push(`w${(at * 7_919).toString(36)}`)
  }
  return words.join(' ').slice(0, descriptionMax)
}

/**
 * Saves alerts of three kinds in equal numbers. All words of the first are in the text, the longest
 * word of the second is, and no word of the third is.
 */
async function saveManyAlerts(text: string): Promise<void> {
  const terms = searchTermsOf(text).slice(0, 900)
  const matching = terms.slice(400, 404).toSorted()
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
    [alertsCount, matching, matching[0]],
  )
  await candidates.inDatabase('ANALYZE alerts, addresses')
}

async function countDeliveries(listingId: string): Promise<number> {
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

// Work that grows with the data exceeds a fixed time limit: opslane/opslane#508,
// stackrox/stackrox#4716.
describe('one listing that 30,000 of 100,000 alerts match', () => {
  test('is matched in slices that stay far below their time limit', {
    timeout: 120_000,
  }, async () => {
    const description = longText()
    await saveManyAlerts(description)
    // This test needs no mails.
    await candidates.system.stop('notifications')
    const crowd = published({ description })
    const { listingId } = crowd.data
    await candidates.inDatabase('INSERT INTO announcements (listing_id, listing) VALUES ($1, $2)', [
      listingId,
      JSON.stringify(crowd.data),
    ])
    const pool = new pg.Pool({
      connectionString: candidates.system.databaseUrl('notifications'),
      max: 2,
    })
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
      for (let slices = 0; slices < 1_000; slices += 1)
        if ((await matchAnnouncement(deps)) === 0) break
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
    expect(await countDeliveries(listingId)).toBe(matchingCount)
    expect(await isMatched(listingId)).toBe(true)
    // A busy machine slows single slices down, work that grows with the data slows down all of them.
    const medianMs = sliceMs.toSorted((a, b) => a - b)[Math.floor(sliceMs.length / 2)]
    expect(medianMs).toBeLessThan(limits.matchingPool.statementMs / 4)
  })

  test('delays neither the next events nor the next listing', {
    timeout: 120_000,
  }, async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.system.start('notifications')
    await candidates.system.waitReady('notifications')
    await candidates.subscribe({ email, text: word })
    const crowd = published({ description: longText() })
    const next = published({ title: word })
    // One key puts the second event behind the first one in its partition.
    await candidates.listings.write(crowd.aggregateId, JSON.stringify(crowd))
    const startedMs = performance.now()
    await candidates.listings.write(crowd.aggregateId, JSON.stringify(next))
    await candidates.untilMail(email, 20_000)
    const waitedMs = performance.now() - startedMs
    console.log(
      `the next listing was mailed after ${Math.round(waitedMs)} ms, ` +
        `when ${await countDeliveries(crowd.data.listingId)} mails of the first were planned`,
    )
    expect(waitedMs).toBeLessThan(5_000)
    await eventually(
      'all alerts are matched',
      async () => ((await isMatched(crowd.data.listingId)) ? true : undefined),
      60_000,
    )
    expect(await countDeliveries(crowd.data.listingId)).toBe(matchingCount)
  })

  test('is matched completely, even if the process is killed on the way', {
    timeout: 120_000,
  }, async () => {
    const crowd = published({ description: longText() })
    const { listingId } = crowd.data
    await candidates.announce(crowd)
    await eventually('matching has begun', async () =>
      (await countDeliveries(listingId)) > 0 ? true : undefined,
    )
    await candidates.system.signal('notifications', 'SIGKILL')
    await candidates.system.waitReady('notifications')
    await eventually(
      'all alerts are matched',
      async () => ((await isMatched(listingId)) ? true : undefined),
      60_000,
    )
    expect(await countDeliveries(listingId)).toBe(matchingCount)
  })
})

test('the next slice is read from an index, without a sort', async () => {
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

test('an announcement that cannot be matched does not delay the others', async () => {
  const broken = randomUUID()
  // A listing without texts, which no event can contain. Its slices always fail.
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
  await eventually('three mails arrive', async () =>
    (await candidates.mailsTo(email)).length === 3 ? true : undefined,
  )
  await candidates.inDatabase('DELETE FROM announcements WHERE listing_id = $1', [broken])
})

type MatchSliceArgs = Parameters<Parameters<typeof matchAnnouncement>[0]['matchSlice']>
