import { randomUUID } from 'node:crypto'
import { inTransaction, type Transaction } from '@nightshift/runtime/postgres/postgres'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { obligation } from '../src/durable-refund/durable-refund.ts'
import { refundInRequest } from '../src/durable-refund/naive.ts'
import type { Obligation } from '../src/durable-refund/types.ts'
import { openPatternDatabase, type PatternDatabase } from './pattern-database.ts'

let database: PatternDatabase

beforeAll(async () => {
  database = await openPatternDatabase(inject('parts').postgresUrl)
})
afterAll(() => database[Symbol.asyncDispose]())

type Debt = { refundId: string; tenantId: string; paymentId: string }

async function capturedPayment(): Promise<Debt> {
  const debt = { refundId: randomUUID(), tenantId: randomUUID(), paymentId: randomUUID() }
  await database.pool.query(
    `INSERT INTO payments (payment_id, tenant_id, listing_id, publication_id, amount_cents, currency,
       status, provider_payment_id)
     VALUES ($1::uuid, $2, $2, $2, 9900, 'EUR', 'captured', 'pi_' || $1::text)`,
    [debt.paymentId, debt.tenantId],
  )
  return debt
}

async function writeDown(tx: Transaction, { refundId, tenantId, paymentId }: Debt): Promise<void> {
  await tx.query(
    `INSERT INTO refunds (refund_id, tenant_id, payment_id, amount_cents, tax_cents, reason,
       next_check_at) VALUES ($1, $2, $3, 9900, 0, 'asked', now())`,
    [refundId, tenantId, paymentId],
  )
}

function owe(by: Obligation, debt: Debt): Promise<Debt> {
  return inTransaction(database.pool, async tx => {
    await writeDown(tx, debt)
    return by.beforeAsking(debt)
  })
}

function notePaid(by: Obligation, debt: Debt): Promise<void> {
  return inTransaction(database.pool, async tx => {
    await by.oncePaid(() => writeDown(tx, debt))
    await tx.query(
      `UPDATE refunds SET status = 'succeeded', provider_refund_id = 're_' || refund_id,
         next_check_at = NULL WHERE refund_id = $1`,
      [debt.refundId],
    )
  })
}

async function statesOf({ refundId }: Debt): Promise<string[]> {
  const sql = 'SELECT status FROM refunds WHERE refund_id = $1'
  const { rows } = await database.pool.query<{ status: string }>(sql, [refundId])
  return rows.map(({ status }) => status)
}

test('what is owed is there before anybody is asked, and once after it is paid', async () => {
  const debt = await capturedPayment()
  expect(await owe(obligation, debt)).toBe(debt)
  expect(await statesOf(debt)).toEqual(['pending'])
  await notePaid(obligation, debt)
  expect(await statesOf(debt)).toEqual(['succeeded'])
})

test('a lost answer leaves it owed', () => {
  expect(obligation.withoutAnswer).toBe('owed')
})

test('the naive twin has nothing to go on with until the answer is there', async () => {
  const debt = await capturedPayment()
  expect(await owe(refundInRequest, debt)).toBe(debt)
  expect(await statesOf(debt)).toEqual([])
  expect(refundInRequest.withoutAnswer).toBe('failed')
  await notePaid(refundInRequest, debt)
  expect(await statesOf(debt)).toEqual(['succeeded'])
})
