import { randomUUID } from 'node:crypto'
import { as, call } from '@nightshift/load-tests/harness/test-client'
import {
  openTestSystem,
  roleUrl,
  type TestSystem,
} from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { inTenantTransaction, openPool } from '@nightshift/runtime/postgres/postgres'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { limits } from '../src/limits.ts'
import { paymentOf } from './payment-of.ts'

/**
 * Tests the third layer of tenant isolation, row-level security. The first layer is that a tenant
 * comes only from an API key. The second layer is that each statement names its tenant. The
 * statements here don't.
 */

let system: TestSystem
let pool: Pool
let paymentId: string
let theirs: string
const mine = randomUUID()

beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: ['card-provider', 'payments'] })
  const log = openLog('test')
  log.setLevel('silent')
  // One connection, so that anything that a transaction leaves behind would affect the next one.
  pool = openPool(roleUrl(system, 'payments'), 'test', { ...limits.pool, connectionsMax: 1 }, log)

  const headers = as(system, 'acme', `test-${randomUUID()}`)
  const body = paymentOf()
  const paid = await call('POST', `${system.urls.payments}/v1/payments`, { headers, body })
  paymentId = paid.json.paymentId
  const refund = {
    headers: as(system, 'acme', `test-${randomUUID()}`),
    body: { reason: 'duplicate' },
  }
  await call('POST', `${system.urls.payments}/v1/payments/${paymentId}/refunds`, refund)
  theirs = (await readAll('payments', mine)).tenantOf
})
afterAll(async () => {
  await pool.end()
  await system[Symbol.asyncDispose]()
})

/** The tenants of all rows that a tenant sees in a table, and the tenant of the payment. */
async function readAll(table: string, tenantId: string) {
  const seen = await inTenantTransaction(pool, tenantId, async tx => {
    const { rows } = await tx.query(`SELECT tenant_id FROM ${table}`)
    return rows.map(row => String(row.tenant_id))
  })
  const { rows } = await withDatabase(system.databaseUrl('payments'), client =>
    client.query('SELECT tenant_id FROM payments WHERE payment_id = $1', [paymentId]),
  )
  return { seen, tenantOf: String(rows[0].tenant_id) }
}

test.each(['payments', 'refunds', 'ledger_transactions', 'ledger_entries', 'idempotency_keys'])(
  "in %s, a statement without a tenant sees only the rows of its transaction's tenant",
  async table => {
    expect((await readAll(table, mine)).seen).toEqual([])
    const { seen } = await readAll(table, theirs)
    expect(seen.length).toBeGreaterThan(0)
    expect(new Set(seen)).toEqual(new Set([theirs]))
  },
)

test('without a tenant no rows are visible, even after a transaction that had one', async () => {
  await inTenantTransaction(pool, theirs, tx => tx.query('SELECT FROM payments'))
  expect((await pool.query('SELECT FROM payments')).rowCount).toBe(0)
})

test('the role of requests may not set a payment to captured', async () => {
  const capture = inTenantTransaction(pool, theirs, tx =>
    tx.query(`UPDATE payments SET status = 'captured' WHERE payment_id = $1`, [paymentId]),
  )
  await expect(capture).rejects.toThrow('permission denied')
})
