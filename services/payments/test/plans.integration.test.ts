import { countAroundJobs, manyRows } from '@nightshift/load-tests/harness/count-around-jobs'
import { type PlanCase, problemsOfCase } from '@nightshift/load-tests/harness/plans'
import { asRole, openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { isKeyUsed } from '@nightshift/patterns/idempotency-key/explain-claim'
import { fencingNumber, leasedWork } from '@nightshift/patterns/lease/lease'
import { heedEarlierWebhook } from '@nightshift/patterns/webhook-hint/webhook-hint'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { limits } from '../src/limits.ts'
import { addStatementLines } from '../src/store/add-statement-lines.ts'
import { findPayments } from '../src/store/list-payments.ts'
import { oldRowsJobs } from '../src/store/old-rows-jobs.ts'
import { paymentsTable } from '../src/store/payment-row.ts'
import {
  countLeftOpen,
  findPayment,
  oldestOpenSeconds,
  takeDuePayment,
} from '../src/store/payments.ts'
import { refundsTable } from '../src/store/refund-row.ts'
import { findRefundsOf, oldestRefundSeconds, takeDueRefund } from '../src/store/refunds.ts'
import { readStatementPage } from '../src/store/statements.ts'

/** What every list route and job reads when the tables are large. */

const paymentsCount = 100_000
const openCount = 20
/** The last thousand postings are no lines yet. */
const linesCount = 99_000
/** A million expired keys, in as many statements as each may take its time. */
const keysParts = 10
const keysOfPart = 100_000
const acme = '0aaaaaaa-0000-4000-8000-00000000000a'
/** The payments are numbered; every thousandth is declined, and the last ones are open. */
const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

let system: TestSystem
beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: [] })
  const admin = system.databaseUrl('payments')
  await withDatabase(admin, async client => {
    await client.query('SET session_replication_role = replica')
    for (const statement of rows) await client.query(statement)
    await client.query('ANALYZE')
  })
}, 120_000)
afterAll(() => system[Symbol.asyncDispose]())

const numbered = `generate_series(1, ${paymentsCount}) AS n`
const uuidOf = (n: string) => `('00000000-0000-4000-8000-' || lpad((${n})::text, 12, '0'))::uuid`
/** Two thirds are older than anything is kept, and the others clearly younger. */
const daysAgo = (n: string) =>
  `now() - interval '1 day' * CASE WHEN ${n} < ${paymentsCount} * 2 / 3
     THEN 30 - 20.0 * ${n} / ${paymentsCount} ELSE 7 - 7.0 * ${n} / ${paymentsCount} END`

const rows = [
  `INSERT INTO payments (payment_id, tenant_id, listing_id, publication_id, amount_cents, currency,
     status, decline_reason, provider_payment_id, key_hash, fingerprint, next_check_at, checks,
     created_at)
   SELECT ${uuidOf('n')}, '${acme}', gen_random_uuid(), ${uuidOf('n')}, 4900, 'EUR', status,
     CASE status WHEN 'declined' THEN 'card_declined' END,
     CASE status WHEN 'captured' THEN 'pi_' || n END,
     sha256(n::text::bytea), sha256(n::text::bytea),
     CASE status WHEN 'pending' THEN now() END, CASE status WHEN 'pending' THEN 1 ELSE 0 END,
     ${daysAgo('n')}
   FROM ${numbered}, LATERAL (SELECT CASE
     WHEN n > ${paymentsCount - openCount} THEN 'pending'
     WHEN n % 1000 = 0 THEN 'declined' ELSE 'captured' END) AS of (status)`,
  `INSERT INTO refunds (refund_id, tenant_id, payment_id, amount_cents, tax_cents, reason, status,
     provider_refund_id, next_check_at, created_at, succeeded_at)
   SELECT ${uuidOf('n')}, '${acme}', ${uuidOf('n')}, 100, 0, 'requested_by_customer',
     CASE WHEN is_open THEN 'pending' ELSE 'succeeded' END, CASE WHEN NOT is_open THEN 're_' || n END,
     CASE WHEN is_open THEN now() END, ${daysAgo('n')}, CASE WHEN NOT is_open THEN now() END
   FROM ${numbered}, LATERAL (SELECT n > ${paymentsCount - openCount}) AS of (is_open)`,
  ...Array.from({ length: keysParts }, (_, part) => {
    return `INSERT INTO idempotency_keys (tenant_id, route, key, fingerprint, subject_id,
        leased_until, response_status, response_body, created_at, expires_at)
      SELECT '${acme}', 'POST /v1/payments', 'key-' || n, sha256(n::text::bytea), ${uuidOf('n')},
        now(), 201, '{}', now(), now() - interval '1 hour' + n * interval '1 millisecond'
      FROM generate_series(${part * keysOfPart} + 1, ${(part + 1) * keysOfPart}) AS n`
  }),
  `INSERT INTO ledger_transactions (transaction_id, tenant_id, source, source_id, payment_id,
     posted_at, posted_in)
   OVERRIDING SYSTEM VALUE
   SELECT n, '${acme}', 'capture', ${uuidOf('n')}, ${uuidOf('n')}, '2026-11-01', '10'
   FROM ${numbered}`,
  `INSERT INTO ledger_entries (transaction_id, tenant_id, account, amount_cents, currency)
   SELECT n, '${acme}', account, cents, 'EUR'
   FROM ${numbered}, (VALUES ('provider_clearing', 4900), ('revenue', -4900)) AS e (account, cents)`,
  `INSERT INTO statement_lines (tenant_id, line_no, month, transaction_id, posted_at, source,
     payment_id, amount_cents, tax_cents, balance_cents)
   SELECT '${acme}', n, '2026-11-01', n, '2026-11-01', 'capture', ${uuidOf('n')}, 4900, 0, 4900 * n
   FROM generate_series(1, ${linesCount}) AS n`,
  `UPDATE statement_position SET posted_in = '10', transaction_id = ${linesCount}`,
  `INSERT INTO outbox (event_id, topic, aggregate_id, payload, created_at, published_at)
   SELECT gen_random_uuid(), 'payments.v1', ${uuidOf('n')}, '{}', ${daysAgo('n')}, ${daysAgo('n')}
   FROM ${numbered}`,
  `INSERT INTO provider_webhooks (event_id, type, subject_id, received_at)
   SELECT 'evt_' || n, 'payment_intent.succeeded', ${uuidOf('n')}, ${daysAgo('n')}
   FROM ${numbered}`,
]

const work = leasedWork(fencingNumber, paymentsTable)
const refundWork = leasedWork(fencingNumber, refundsTable)
const list = (filter: object) => (db: Queryable) =>
  findPayments(db, { tenantId: acme, limit: 50, ...filter })

const { linesMax } = limits.statements
const statementOf = (afterLine: string | undefined) => {
  return { tenantId: acme, month: '2026-11-01', afterLine, limit: 50 }
}

const routes: readonly PlanCase[] = [
  { title: 'the newest payments', role: 'payments', run: list({}) },
  { title: 'captured payments', role: 'payments', run: list({ status: 'captured' }) },
  { title: 'open payments', role: 'payments', run: list({ status: 'pending' }) },
  {
    title: 'declined payments, which are rare',
    role: 'payments',
    run: list({ status: 'declined' }),
  },
  { title: 'a status that no payment has', role: 'payments', run: list({ status: 'voided' }) },
  {
    title: 'the payments of a publication',
    role: 'payments',
    run: list({ publicationId: idOf(50_000) }),
  },
  {
    title: 'the payments of a time long ago',
    role: 'payments',
    run: list({ createdBefore: new Date(Date.now() - 20 * 86_400_000).toISOString() }),
  },
  {
    title: 'a late page',
    role: 'payments',
    run: async db => {
      const { nextAfter } = await list({ limit: 200 })(db)
      if (nextAfter === undefined) throw new Error('there is one page only')
      await list({ after: nextAfter })(db)
    },
  },
  {
    title: 'the first page of a month',
    role: 'payments',
    run: db => readStatementPage(db, statementOf(undefined)),
  },
  {
    title: 'the last page of a month',
    role: 'payments',
    run: db => readStatementPage(db, statementOf(String(linesCount - 10))),
  },
  { title: 'one payment', role: 'payments', run: db => findPayment(db, acme, idOf(50_000)) },
  { title: 'its refunds', role: 'payments', run: db => findRefundsOf(db, acme, idOf(50_000), 100) },
]

const jobs: readonly PlanCase[] = [
  {
    title: 'add lines to the statements',
    role: 'payments_worker',
    run: async db => {
      expect(await addStatementLines(db, linesMax)).toBe(linesMax)
    },
    works: linesMax,
  },
  { title: 'take a due payment', role: 'payments_worker', run: db => takeDuePayment(db, work, 1) },
  {
    title: 'take the latest of the due payments',
    role: 'payments_worker',
    run: db => takeDuePayment(db, work, 1, 'latest'),
  },
  {
    title: 'take a due refund',
    role: 'payments_worker',
    run: db => takeDueRefund(db, refundWork, 1),
  },
  {
    title: 'count what is left open',
    role: 'payments_worker',
    run: db => countLeftOpen(db, 300),
    works: openCount,
  },
  {
    title: 'the oldest open payment',
    role: 'payments_worker',
    run: oldestOpenSeconds,
    works: openCount,
  },
  {
    title: 'the oldest pending refund',
    role: 'payments_worker',
    run: oldestRefundSeconds,
    works: openCount,
  },
  {
    title: 'heed an earlier webhook',
    role: 'payments_worker',
    run: db => heedEarlierWebhook(db, idOf(paymentsCount), paymentsTable),
  },
  {
    title: 'is a key used',
    role: 'payments_worker',
    run: db =>
      isKeyUsed(
        db,
        { table: 'payments', id: 'payment_id' },
        {
          tenantId: acme,
          route: 'POST /v1/payments',
          key: 'key-7',
          keyHash: Buffer.alloc(32),
          fingerprint: Buffer.alloc(32),
          proposedId: idOf(0),
        },
      ),
    works: 2,
  },
]

describe.each([
  { of: 'list route', cases: routes },
  { of: 'job', cases: jobs },
])('the plan of a $of', ({ cases }) => {
  test.each(cases)('reads little for $title', async one => {
    expect(await problemsOfCase(system, one, acme)).toEqual([])
  })
})

/** The names of the jobs, which need no database. */
const jobNames = oldRowsJobs({} as Queryable, limits.oldRows).map(({ name }) => name)

test.each(jobNames)('a round of %s reads what it deletes, of a million', async name => {
  const { rowsMax } = limits.oldRows
  const run = async (db: Queryable) => {
    const job = oldRowsJobs(db, limits.oldRows).find(one => one.name === name)
    expect(await job?.runOnce()).toBe(rowsMax)
  }
  expect(await problemsOfCase(system, { role: 'payments_worker', run })).toEqual([])
})

/** What is left of each table when all is deleted that may be: a condition that every row meets. */
const left = {
  idempotency_keys: 'expires_at > now() OR response_status IS NULL',
  outbox: "published_at > now() - interval '9 days' OR published_at IS NULL",
  provider_webhooks: "received_at > now() - interval '8 days'",
}

test('in the end the old rows are gone, and no other', async () => {
  const counts = await asRole(system, 'payments_worker', client =>
    countAroundJobs(client, left, oldRowsJobs(client, { ...limits.oldRows, rowsMax: manyRows })),
  )
  expect(counts.map(({ table }) => table)).toEqual(Object.keys(left))
  for (const { table, before, after, old } of counts) {
    expect(old, table).toBe(0)
    expect(after, table).toBe(before)
  }
})
