import { randomUUID } from 'node:crypto'
import { as, call } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { inTenantTransaction, openPool } from '@nightshift/runtime/postgres/postgres'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { limits } from '../src/limits.ts'

/**
 * The third layer. The first is that a tenant comes from a key and from nothing else, the second that
 * a statement names it. Here are statements that do not, as somebody else.
 */

let system: TestSystem
let pool: Pool
let paymentId: string
let theirs: string
const mine = randomUUID()

beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: ['card-provider', 'payments'] })
  const admin = system.databaseUrl('payments')
  const database = new URL(admin).pathname.slice(1)
  const password = system.secrets.rolePasswords.payments
  const log = openLog('test')
  log.setLevel('silent')
  const url = databaseUrl(admin, { database, role: 'payments', password })
  // One connection, so that whatever one transaction leaves behind is there for the next.
  pool = openPool(url, 'test', { ...limits.pool, connectionsMax: 1 }, log)

  const headers = as(system, 'acme', `test-${randomUUID()}`)
  const wish = { listingId: randomUUID(), publicationId: randomUUID(), amountCents: 9_900 }
  const body = { ...wish, currency: 'EUR', cardToken: 'pm_card_visa' }
  const paid = await call('POST', `${system.urls.payments}/v1/payments`, { headers, body })
  paymentId = paid.json.paymentId
  const refund = {
    headers: as(system, 'acme', `test-${randomUUID()}`),
    body: { reason: 'duplicate' },
  }
  await call('POST', `${system.urls.payments}/v1/payments/${paymentId}/refunds`, refund)
  theirs = (await allOf('payments', mine)).tenantOf
})
afterAll(async () => {
  await pool.end()
  await system[Symbol.asyncDispose]()
})

/** Rows that this tenant sees of a table, and whose the payment really is. */
async function allOf(table: string, tenantId: string) {
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
  '%s: a statement that names no tenant sees the rows of its own, and of nobody else',
  async table => {
    expect((await allOf(table, mine)).seen).toEqual([])
    const { seen } = await allOf(table, theirs)
    expect(seen.length).toBeGreaterThan(0)
    expect(new Set(seen)).toEqual(new Set([theirs]))
  },
)

test('without a tenant there are no rows, also after a transaction that had one', async () => {
  await inTenantTransaction(pool, theirs, tx => tx.query('SELECT FROM payments'))
  expect((await pool.query('SELECT FROM payments')).rowCount).toBe(0)
})

test('a request may write a refund, and may not write that a payment was captured', async () => {
  const capture = inTenantTransaction(pool, theirs, tx =>
    tx.query(`UPDATE payments SET status = 'captured' WHERE payment_id = $1`, [paymentId]),
  )
  await expect(capture).rejects.toThrow('permission denied')
})
