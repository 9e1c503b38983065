import { countAroundJobs, manyRows } from '@nightshift/load-tests/harness/count-around-jobs'
import { type PlanCase, problemsOfCase } from '@nightshift/load-tests/harness/plans'
import { asRole, openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { fencingNumber, leasedWork } from '@nightshift/patterns/lease/lease'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { Search } from '../src/flows/search-listings.ts'
import { limits } from '../src/limits.ts'
import { findListing, findLiveListings } from '../src/store/listings.ts'
import { oldRowsJobs } from '../src/store/old-rows-jobs.ts'
import { publicationsTable } from '../src/store/publication-row.ts'
import {
  countLeftOpen,
  deleteWithdrawn,
  findPublication,
  takeDuePublication,
} from '../src/store/publications.ts'

/** What the search, the routes and the jobs read when the tables are large. */

const listingsCount = 100_000
const openCount = 20
const acme = '0aaaaaaa-0000-4000-8000-00000000000a'
const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

let system: TestSystem
beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: [] })
  await withDatabase(system.databaseUrl('listings'), async client => {
    await client.query('SET session_replication_role = replica')
    for (const statement of rows) await client.query(statement)
    await client.query('ANALYZE')
  })
}, 120_000)
afterAll(() => system[Symbol.asyncDispose]())

const numbered = `generate_series(1, ${listingsCount}) AS n`
const uuidOf = (n: string) => `('00000000-0000-4000-8000-' || lpad((${n})::text, 12, '0'))::uuid`
/** Two thirds are older than anything is kept, and the others clearly younger. */
const daysAgo = `now() - interval '1 day' * CASE WHEN n < ${listingsCount} * 2 / 3
  THEN 30 - 20.0 * n / ${listingsCount} ELSE 7 - 7.0 * n / ${listingsCount} END`

/** One listing in ten thousand is in Africa, for a lead, or well paid; no other has the word. */
const rows = [
  `INSERT INTO listings (listing_id, tenant_id, title, company, description, area, seniority,
     salary_min_eur, salary_max_eur, status, created_at, published_at, search)
   SELECT ${uuidOf('n')}, '${acme}', 'Engineer', 'Acme', 'Builds things.',
     CASE WHEN n % 10000 = 0 THEN 'africa' ELSE 'europe' END,
     CASE WHEN n % 10000 = 0 THEN 'lead' ELSE 'senior' END,
     50000, CASE WHEN n % 10000 = 0 THEN 500000 ELSE 60000 END, 'live', ${daysAgo}, ${daysAgo},
     array_to_tsvector(ARRAY['engineer', 'w' || n % 3000,
       CASE WHEN n % 10000 = 0 THEN 'unusual' ELSE 'usual' END])
   FROM ${numbered}`,
  `INSERT INTO publications (publication_id, listing_id, tenant_id, plan, amount_cents, currency,
     status, payment_id, key_hash, fingerprint, next_check_at, checks, created_at, updated_at)
   SELECT ${uuidOf('n')}, ${uuidOf('n')}, '${acme}', 'standard', 4900, 'EUR', status,
     CASE status WHEN 'published' THEN gen_random_uuid() END, sha256(n::text::bytea),
     sha256(n::text::bytea), CASE status WHEN 'pending' THEN now() END,
     CASE status WHEN 'pending' THEN 1 ELSE 0 END, ${daysAgo}, ${daysAgo}
   FROM ${numbered}, LATERAL (SELECT CASE WHEN n > ${listingsCount - openCount} THEN 'pending'
     WHEN n % 10 = 0 THEN 'withdrawn' ELSE 'published' END) AS of (status)`,
  `INSERT INTO idempotency_keys (tenant_id, route, key, fingerprint, subject_id, leased_until,
     response_status, response_body, expires_at)
   SELECT '${acme}', 'POST /v1/listings/:listingId/publish', 'key-' || n, sha256(n::text::bytea),
     ${uuidOf('n')}, now(), CASE WHEN n % 10 <> 0 THEN 201 END, '{}',
     now() - interval '1 hour' + n * interval '1 millisecond'
   FROM ${numbered}`,
  `INSERT INTO outbox (event_id, topic, aggregate_id, payload, created_at, published_at)
   SELECT gen_random_uuid(), 'listings.v1', ${uuidOf('n')}, '{}', ${daysAgo}, ${daysAgo}
   FROM ${numbered}`,
  `INSERT INTO inbox (consumer, event_id, applied_at)
   SELECT 'payments.v1', gen_random_uuid(), ${daysAgo} FROM ${numbered}`,
]

const search =
  (asked: Partial<Search> = {}) =>
  (db: Queryable) =>
    findLiveListings(db, { terms: undefined, after: undefined, limit: 20, ...asked })

const role = 'listings_worker'
const searches: readonly PlanCase[] = [
  { title: 'the newest listings', role, run: search() },
  { title: 'a common word', role, run: search({ terms: ['engineer'] }) },
  { title: 'a rare word', role, run: search({ terms: ['unusual'] }) },
  { title: 'a common region', role, run: search({ area: 'europe' }) },
  { title: 'a rare region', role, run: search({ area: 'africa' }) },
  { title: 'a region without listings', role, run: search({ area: 'asia-pacific' }) },
  { title: 'a common seniority', role, run: search({ seniority: 'senior' }) },
  { title: 'a rare seniority', role, run: search({ seniority: 'lead' }) },
  { title: 'a salary that most have', role, run: search({ salaryAtLeastEurPerYear: 40_000 }) },
  { title: 'a salary that few have', role, run: search({ salaryAtLeastEurPerYear: 400_000 }) },
  {
    title: 'a late page',
    role,
    run: async db => {
      const { nextAfter } = await search({ limit: 100 })(db)
      if (nextAfter === undefined) throw new Error('there is one page only')
      await search({ after: nextAfter })(db)
    },
  },
]

const work = leasedWork(fencingNumber, publicationsTable)
const others: readonly PlanCase[] = [
  { title: 'one listing', role: 'listings', run: db => findListing(db, acme, idOf(50_000)) },
  { title: 'one publication', role: 'listings', run: db => findPublication(db, idOf(50_000)) },
  { title: 'take a due publication', role, run: db => takeDuePublication(db, work, 1) },
  {
    title: 'count what is left open',
    role,
    run: db => countLeftOpen(db, 300),
    works: openCount,
  },
]

describe.each([
  { of: 'search', cases: searches },
  { of: 'route or job', cases: others },
])('the plan of a $of', ({ cases }) => {
  test.each(cases)('reads little for $title', async one => {
    expect(await problemsOfCase(system, one, acme)).toEqual([])
  })
})

/** The names of the jobs, which need no database. */
const jobNames = oldRowsJobs({} as Queryable, limits.oldRows).map(({ name }) => name)

test.each(jobNames)('a round of %s reads what it deletes', async name => {
  const { rowsMax } = limits.oldRows
  const run = async (db: Queryable) => {
    const job = oldRowsJobs(db, limits.oldRows).find(one => one.name === name)
    expect(await job?.runOnce()).toBe(rowsMax)
  }
  expect(await problemsOfCase(system, { role, run, works: rowsMax })).toEqual([])
})

/** What is left of each table when all is deleted that may be: a condition that every row meets. */
const left = {
  idempotency_keys: `response_status IS NULL AND EXISTS (
    SELECT FROM publications WHERE publication_id = subject_id
      AND (status <> 'withdrawn' OR updated_at > now() - interval '8 days'))`,
  outbox: "published_at > now() - interval '9 days'",
  inbox: "applied_at > now() - interval '9 days'",
  publications: "status <> 'withdrawn' OR updated_at > now() - interval '8 days'",
}

test('a withdrawn publication whose key is being claimed is left for the next round', async () => {
  const claim = new pg.Client({ connectionString: system.databaseUrl('listings') })
  await claim.connect()
  await claim.query('BEGIN')
  const { rows } = await claim.query(
    `SELECT k.subject_id FROM idempotency_keys k
     JOIN publications p ON p.publication_id = k.subject_id AND p.status = 'withdrawn'
     ORDER BY p.updated_at LIMIT 1 FOR UPDATE OF k`,
  )
  const [oldest] = rows
  const found = await asRole(system, 'listings_worker', async worker => {
    await deleteWithdrawn(worker, limits.oldRows.withdrawnKeptDays, 1)
    // Nothing of it is locked: a claim that has the key can go on to the publication.
    return claim.query('SELECT FROM publications WHERE publication_id = $1 FOR UPDATE NOWAIT', [
      oldest.subject_id,
    ])
  })
  expect(found.rowCount).toBe(1)
  await claim.query('ROLLBACK')
  await claim.end()
})

test('in the end the old rows are gone, and no other', async () => {
  const counts = await asRole(system, 'listings_worker', client =>
    countAroundJobs(client, left, oldRowsJobs(client, { ...limits.oldRows, rowsMax: manyRows })),
  )
  expect(counts.map(({ table }) => table)).toEqual(Object.keys(left))
  for (const { table, before, after, old } of counts) {
    expect(old, table).toBe(0)
    expect(after, table).toBe(before)
  }
})
