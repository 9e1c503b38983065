import { countAroundJobs, manyRows } from '@nightshift/load-tests/harness/count-around-jobs'
import { type PlanCase, problemsOfCase } from '@nightshift/load-tests/harness/plans'
import { asRole, openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { limits } from '../src/limits.ts'
import { confirmAddress } from '../src/store/addresses.ts'
import { takeMatchingTurn } from '../src/store/announcements.ts'
import { deliveryStore, oldestWaitingSeconds } from '../src/store/deliveries.ts'
import { oldRowsJobs } from '../src/store/old-rows-jobs.ts'

/**
 * What the routes and the jobs read when the tables are large. Saving and matching alerts are tested
 * with as many in matching.integration.test.ts.
 */

const rowsCount = 100_000
const openCount = 20

let system: TestSystem
beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: [] })
  await withDatabase(system.databaseUrl('notifications'), async client => {
    await client.query('SET session_replication_role = replica')
    for (const statement of rows) await client.query(statement)
    await client.query('ANALYZE')
  })
}, 120_000)
afterAll(() => system[Symbol.asyncDispose]())

const numbered = `generate_series(1, ${rowsCount}) AS n`
const uuidOf = (n: string) => `('00000000-0000-4000-8000-' || lpad((${n})::text, 12, '0'))::uuid`
/** Two thirds are older than anything is kept, and the others clearly younger. */
const daysAgo = `now() - interval '1 day' * CASE WHEN n < ${rowsCount} * 2 / 3
  THEN 30 - 20.0 * n / ${rowsCount} ELSE 7 - 7.0 * n / ${rowsCount} END`

/** Every second address was never confirmed, and every second announcement has no mail. */
const rows = [
  `INSERT INTO addresses (address, address_id, send_to, confirmed_at, created_at)
   SELECT 'a' || n || '@example.org', ${uuidOf('n')}, 'a' || n || '@example.org',
     CASE n % 2 WHEN 0 THEN now() END, ${daysAgo}
   FROM ${numbered}`,
  `INSERT INTO alerts (alert_id, address, anchor, area)
   SELECT ${uuidOf('n')}, 'a' || n || '@example.org', '', 'europe' FROM ${numbered}`,
  `INSERT INTO announcements (listing_id, listing, matched_at, created_at)
   SELECT ${uuidOf('n')}, '{}', CASE WHEN n <= ${rowsCount - openCount} THEN now() END, ${daysAgo}
   FROM ${numbered}`,
  `INSERT INTO mail_queues (queue_id, due_at)
   SELECT ${uuidOf('n')}, CASE WHEN n > ${rowsCount - openCount} THEN now() END FROM ${numbered}`,
  `INSERT INTO deliveries (delivery_id, listing_id, address, consent_version, status, next_check_at,
     sent_at, created_at)
   SELECT ${uuidOf('n')}, CASE WHEN n % 2 = 0 THEN ${uuidOf('n')} END, 'a' || 2 * (n / 2) || '@example.org',
     1, CASE WHEN is_open THEN 'pending' ELSE 'sent' END, CASE WHEN is_open THEN now() END,
     CASE WHEN NOT is_open THEN now() END, ${daysAgo}
   FROM ${numbered}, LATERAL (SELECT n > ${rowsCount - openCount}) AS of (is_open)`,
  `INSERT INTO inbox (consumer, event_id, applied_at)
   SELECT 'listings.v1', gen_random_uuid(), ${daysAgo} FROM ${numbered}`,
]

const { oldRows, send } = limits
const { rowsMax } = oldRows
const role = 'notifications'

const cases: readonly PlanCase[] = [
  {
    title: 'confirm an address',
    role,
    run: db => confirmAddress(db, '00000000-0000-4000-8000-000000050001', 1),
  },
  { title: 'take the turn of an announcement', role, run: takeMatchingTurn, works: openCount },
  { title: 'take a mail', role, run: db => deliveryStore(db, send).take(), works: openCount },
  { title: 'the oldest mail', role, run: oldestWaitingSeconds, works: openCount },
]

test.each(cases)('the plan reads little for: $title', async one => {
  expect(await problemsOfCase(system, one)).toEqual([])
})

/** The names of the jobs, which need no database. */
const jobNames = oldRowsJobs({} as Queryable, oldRows).map(({ name }) => name)

test.each(jobNames)('a round of %s reads what it deletes', async name => {
  const run = async (db: Queryable) => {
    const job = oldRowsJobs(db, oldRows).find(one => one.name === name)
    expect(await job?.runOnce()).toBeGreaterThanOrEqual(rowsMax)
  }
  expect(await problemsOfCase(system, { role, run, works: rowsMax })).toEqual([])
})

/** What is left of each table when all is deleted that may be: a condition that every row meets. */
const left = {
  announcements: "created_at > now() - interval '9 days' OR matched_at IS NULL",
  deliveries: "created_at > now() - interval '9 days' OR status = 'pending'",
  inbox: "applied_at > now() - interval '9 days'",
  addresses: "created_at > now() - interval '8 days' OR confirmed_at IS NOT NULL",
}

test('in the end the old rows are gone, and no other', async () => {
  const counts = await asRole(system, 'notifications', client =>
    countAroundJobs(client, left, oldRowsJobs(client, { ...limits.oldRows, rowsMax: manyRows })),
  )
  expect(counts.map(({ table }) => table)).toEqual(Object.keys(left))
  for (const { table, before, after, old } of counts) {
    expect(old, table).toBe(0)
    expect(after, table).toBe(before)
  }
})
