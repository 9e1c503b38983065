import { randomUUID } from 'node:crypto'
import { waitUntilBlocked } from '@nightshift/load-tests/harness/count-blocked'
import { eventually } from '@nightshift/load-tests/harness/test-client'
import { asRole, openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { addStatementLines } from '../src/store/add-statement-lines.ts'
import { postCapture } from './post-capture.ts'

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

/** A statement of the job's role waits, once it has begun, until the gate is open. */
const gateStatements = `
  CREATE FUNCTION wait_at_gate() RETURNS boolean LANGUAGE sql VOLATILE
    AS 'SELECT pg_advisory_xact_lock_shared(${gate}) IS NOT NULL';
  ALTER TABLE statement_position ENABLE ROW LEVEL SECURITY;
  CREATE POLICY gated ON statement_position TO payments_worker USING (wait_at_gate())`

/** Transactions of other databases of the server, as those of other tests, also hold postings back. */
async function untilSettled(postings: number): Promise<void> {
  await eventually('the postings have settled', async () => {
    const { rowCount } = await pool.query(
      'SELECT FROM ledger_transactions WHERE posted_in < pg_snapshot_xmin(pg_current_snapshot())',
    )
    return rowCount === postings ? true : undefined
  })
}

test('a process that is overtaken after its statement has begun adds no line twice', async () => {
  const tenantId = randomUUID()
  for (const cents of [100, 20]) await postCapture(pool, { tenantId, cents })
  await untilSettled(2)
  await pool.query(gateStatements)
  const keeper = new pg.Client({ connectionString: system.databaseUrl('payments') })
  await keeper.connect()
  await keeper.query('SELECT pg_advisory_lock($1)', [gate])

  const addAll = () =>
    asRole(system, 'payments_worker', worker => addStatementLines(worker, linesMax))
  const late = addAll()
  await waitUntilBlocked(pool)
  const early = await addStatementLines(pool, 1).finally(() => keeper.end())
  expect([early, await late]).toEqual([1, 0])
  expect(await addAll()).toBe(1)
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
