import { asRole, openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { withDatabase } from '../src/prepare/database-admin.ts'
import type { RoleName } from '../src/prepare/database-roles.ts'

// What somebody who has a service's password for PostgreSQL tries, one transaction each.
// database-roles.integration.test.ts has what no role at all may do, and the rights on each table.

const acme = '0aaaaaaa-0000-4000-8000-00000000000a'
const other = '0bbbbbbb-0000-4000-8000-00000000000b'
const listing = '01111111-0000-4000-8000-000000000001'

let system: TestSystem
beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: [] })
  await withDatabase(system.databaseUrl('listings'), client => client.query(draftOf(acme)))
})
afterAll(() => system[Symbol.asyncDispose]())

const beTenant = (tenantId: string) => `SELECT set_config('app.tenant', '${tenantId}', true)`
const post = (tenantId: string) =>
  `WITH posted AS (
     INSERT INTO ledger_transactions (tenant_id, source, source_id, payment_id)
     VALUES ('${tenantId}', 'refund', gen_random_uuid(), gen_random_uuid()) RETURNING transaction_id)
   SELECT set_config('app.posting', transaction_id::text, true) FROM posted`
/** Entries of the posting that was made last. */
const enter = (tenantId: string, ...entries: readonly [account: string, cents: number][]) =>
  `INSERT INTO ledger_entries (transaction_id, tenant_id, account, amount_cents, currency)
   SELECT current_setting('app.posting')::bigint, '${tenantId}', account, cents, 'EUR'
   FROM (VALUES ${entries.map(([account, cents]) => `('${account}', ${cents})`).join(', ')})
     AS e (account, cents)`
const balanced = [
  ['refunds', 100],
  ['provider_clearing', -100],
] as const satisfies readonly [string, number][]
const draftOf = (tenantId: string, status = 'draft', publishedAt = 'NULL') =>
  `INSERT INTO listings (listing_id, tenant_id, title, company, description, area, seniority,
     salary_min_eur, salary_max_eur, search, status, published_at)
   VALUES ('${listing}', '${tenantId}', 't', 'c', 'd', 'engineering', 'senior', 1, 2, '', '${status}',
     ${publishedAt})`

type Attempt = Readonly<{
  title: string
  role: RoleName
  statements: readonly string[]
  refusal: RegExp
}>

const onTheLedger: readonly Attempt[] = [
  {
    title: 'one more entry after the check was made at once',
    role: 'payments',
    statements: [
      beTenant(acme),
      post(acme),
      enter(acme, ...balanced),
      'SET CONSTRAINTS ALL IMMEDIATE',
      enter(acme, ['tax', 1]),
    ],
    refusal: /does not sum to zero/,
  },
  {
    title: 'an entry that the row policy hides from the check',
    role: 'payments',
    statements: [
      beTenant(acme),
      post(acme),
      enter(acme, ...balanced),
      beTenant(other),
      enter(other, ['tax', 1]),
    ],
    refusal: /without a posting of its tenant/,
  },
  {
    title: 'an entry of another tenant than its posting',
    role: 'payments_worker',
    statements: [post(acme), enter(other, ...balanced)],
    refusal: /without a posting of its tenant/,
  },
  {
    title: 'a posting without entries',
    role: 'payments_worker',
    statements: [post(acme)],
    refusal: /has no entries/,
  },
  {
    title: 'two halves that would balance in the end',
    role: 'payments_worker',
    statements: [post(acme), enter(acme, ['refunds', 100]), enter(acme, ['tax', -100])],
    refusal: /does not sum to zero/,
  },
  {
    title: 'a posting that pretends to be of another transaction',
    role: 'payments_worker',
    statements: [
      `INSERT INTO ledger_transactions (tenant_id, source, source_id, payment_id, posted_in)
       VALUES ('${acme}', 'refund', gen_random_uuid(), gen_random_uuid(), '1')`,
    ],
    refusal: /permission denied/,
  },
  {
    title: 'a table that is found before the ledger',
    role: 'payments_worker',
    statements: ['CREATE TEMP TABLE ledger_entries (transaction_id bigint)'],
    refusal: /permission denied/,
  },
  {
    title: "another tenant's posting",
    role: 'payments',
    statements: [beTenant(acme), post(other)],
    refusal: /row-level security/,
  },
]

const onStates: readonly Attempt[] = [
  {
    title: 'its listing goes live without a payment',
    role: 'listings',
    statements: [
      beTenant(acme),
      `UPDATE listings SET status = 'live', published_at = now() WHERE listing_id = '${listing}'`,
    ],
    refusal: /permission denied|row-level security/,
  },
  {
    title: 'a listing that is born live',
    role: 'listings',
    statements: [beTenant(acme), draftOf(acme, 'live', 'now()')],
    refusal: /permission denied/,
  },
  {
    title: 'the text of a listing changes, which only its employer may',
    role: 'listings_worker',
    statements: ["UPDATE listings SET title = 'mine'"],
    refusal: /permission denied/,
  },
  {
    title: 'a publication becomes cheaper',
    role: 'listings',
    statements: [beTenant(acme), 'UPDATE publications SET amount_cents = 1'],
    refusal: /permission denied/,
  },
  {
    title: 'a payment is made by a request',
    role: 'payments',
    statements: [beTenant(acme), "UPDATE payments SET status = 'captured'"],
    refusal: /permission denied/,
  },
  {
    title: 'an event that nobody has published is deleted',
    role: 'payments_relay',
    statements: ['DELETE FROM outbox'],
    refusal: /permission denied/,
  },
]

describe.each([
  { of: 'the ledger', attempts: onTheLedger },
  { of: 'states', attempts: onStates },
])('an attempt on $of', ({ attempts }) => {
  test.each(attempts)('of $role is refused: $title', async ({ role, statements, refusal }) => {
    await expect(
      asRole(system, role, client => inOneTransaction(client, statements)),
    ).rejects.toThrow(refusal)
  })
})

test.each(['payments', 'payments_worker'] as const)('%s can post what balances', async role => {
  const fair = [beTenant(acme), post(acme), enter(acme, ...balanced)]
  await asRole(system, role, client => inOneTransaction(client, fair))
})

test('no row of another tenant is seen, whatever is asked', async () => {
  const counted = await asRole(system, 'listings', async client => {
    await client.query('BEGIN')
    await client.query(beTenant(other))
    const { rows } = await client.query('SELECT count(*)::integer AS n FROM listings')
    await client.query('COMMIT')
    return rows[0].n
  })
  expect(counted).toBe(0)
})

async function inOneTransaction(client: pg.Client, statements: readonly string[]) {
  await client.query('BEGIN')
  for (const statement of statements) await client.query(statement)
  await client.query('COMMIT')
}
