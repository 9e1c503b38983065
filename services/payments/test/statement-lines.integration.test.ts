import { randomUUID } from 'node:crypto'
import { asRole } from '@nightshift/load-tests/harness/plans'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { addStatementLines } from '../src/store/add-statement-lines.ts'
import { waitUntilBlocked } from './store-database.ts'

let system: TestSystem
let pool: pg.Pool

beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: [] })
  pool = new pg.Pool({ connectionString: system.databaseUrl('payments') })
})
afterAll(async () => {
  await pool.end()
  await system[Symbol.asyncDispose]()
})

const linesMax = 500
const gate = 1

async function post(tenantId: string, cents: number): Promise<void> {
  await pool.query(
    `WITH posted AS (
       INSERT INTO ledger_transactions (tenant_id, source, source_id, payment_id)
       VALUES ($1, 'capture', gen_random_uuid(), gen_random_uuid()) RETURNING transaction_id)
     INSERT INTO ledger_entries (transaction_id, tenant_id, account, amount_cents, currency)
     SELECT transaction_id, $1, account, cents, 'EUR' FROM posted,
       (VALUES ('revenue', -$2::bigint), ('provider_clearing', $2::bigint)) AS e (account, cents)`,
    [tenantId, cents],
  )
}

/** A statement of the job's role waits, once it has begun, until the gate is open. */
const gateStatements = `
  CREATE FUNCTION wait_at_gate() RETURNS boolean LANGUAGE sql VOLATILE
    AS 'SELECT pg_advisory_xact_lock_shared(${gate}) IS NOT NULL';
  ALTER TABLE statement_position ENABLE ROW LEVEL SECURITY;
  CREATE POLICY gated ON statement_position TO payments_worker USING (wait_at_gate())`

test('a process that is overtaken after its statement has begun adds no line twice', async () => {
  const tenantId = randomUUID()
  await post(tenantId, 100)
  await post(tenantId, 20)
  await pool.query(gateStatements)
  const keeper = await pool.connect()
  await keeper.query('SELECT pg_advisory_lock($1)', [gate])

  const late = asRole(system, 'payments_worker', worker => addStatementLines(worker, linesMax))
  await waitUntilBlocked(pool)
  expect(await addStatementLines(pool, 1)).toBe(1)
  await keeper.query('SELECT pg_advisory_unlock($1)', [gate])
  keeper.release()

  expect(await late).toBe(0)
  expect(await addStatementLines(pool, linesMax)).toBe(1)
  const { rows } = await pool.query(
    `SELECT line_no::integer AS line, balance_cents::integer AS balance FROM statement_lines
     WHERE tenant_id = $1 ORDER BY line_no`,
    [tenantId],
  )
  expect(rows).toEqual([
    { line: 1, balance: 100 },
    { line: 2, balance: 120 },
  ])
})
