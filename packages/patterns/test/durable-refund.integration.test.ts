import { randomUUID } from 'node:crypto'
import { inTransaction } from '@nightshift/runtime/postgres/postgres'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  commitIntentFirst,
  insertIntent,
  recordMade,
  reserve,
} from '../src/durable-refund/durable-refund.ts'
import { callThenRecord } from '../src/durable-refund/naive.ts'
import type { DurableRefund, RefundIntent } from '../src/durable-refund/types.ts'
import { fencingNumber } from '../src/lease/lease.ts'
import { type OwnTables, openOwnTables } from './own-tables.ts'

let database: OwnTables

beforeAll(async () => {
  database = await openOwnTables(inject('parts').postgresUrl, ['durable-refund'])
})
afterAll(() => database[Symbol.asyncDispose]())

/** A refund of a payment that was captured. */
async function refundOf(amountCents: number, changes: Partial<RefundIntent> = {}) {
  const intent: RefundIntent = {
    refundId: randomUUID(),
    tenantId: randomUUID(),
    paymentId: randomUUID(),
    amountCents,
    taxCents: 0,
    reason: 'requested_by_customer',
    keyHash: Buffer.alloc(32, 1),
    fingerprint: Buffer.alloc(32, 2),
    traceparent: undefined,
    firstCheckMs: 60_000,
    ...changes,
  }
  await database.pool.query(
    `INSERT INTO payments (payment_id, tenant_id, status, amount_cents)
     VALUES ($1, $2, 'captured', 9900) ON CONFLICT DO NOTHING`,
    [intent.paymentId, intent.tenantId],
  )
  return intent
}

/** The first phase. Undefined if less than the amount is left. */
function writeIntent(by: DurableRefund, intent: RefundIntent): Promise<RefundIntent | undefined> {
  return inTransaction(database.pool, async tx => {
    if ((await reserve(tx, intent)) === undefined) return undefined
    await insertIntent(tx, intent)
    return by.keepIntent(intent)
  })
}

/** The last phase. False if the refund was recorded before. */
function record(by: DurableRefund, intent: RefundIntent): Promise<boolean> {
  return inTransaction(database.pool, async tx => {
    await by.beforeRecording(tx, intent)
    const owner = { refundId: intent.refundId, attempt: 1 }
    return recordMade(tx, fencingNumber, owner, `re_${intent.refundId}`)
  })
}

async function statusOf({ refundId }: RefundIntent): Promise<string | undefined> {
  const sql = 'SELECT status FROM refunds WHERE refund_id = $1'
  return (await database.pool.query<{ status: string }>(sql, [refundId])).rows[0]?.status
}

test('a refund is committed before the provider is asked, and recorded as made once', async () => {
  const refund = await refundOf(9_900)
  expect(await writeIntent(commitIntentFirst, refund)).toBe(refund)
  expect(await statusOf(refund)).toBe('pending')
  expect(await record(commitIntentFirst, refund)).toBe(true)
  expect(await statusOf(refund)).toBe('succeeded')
  expect(await record(commitIntentFirst, refund)).toBe(false)
})

test('without an answer of the provider a refund is pending', () => {
  expect(commitIntentFirst.withoutAnswer).toBe('pending')
})

test('concurrent refunds never exceed the payment', async () => {
  const { tenantId, paymentId } = await refundOf(1)
  const refunds = await Promise.all(
    Array.from({ length: 10 }, (_, at) =>
      refundOf(3_000, { tenantId, paymentId, keyHash: Buffer.alloc(32, 10 + at) }),
    ),
  )
  const accepted = await Promise.all(refunds.map(one => writeIntent(commitIntentFirst, one)))
  expect(accepted.filter(one => one !== undefined)).toHaveLength(3)
})

describe('the naive version', () => {
  test('writes no row before the answer, and calls a lost answer a failure', async () => {
    const refund = await refundOf(9_900)
    expect(await writeIntent(callThenRecord, refund)).toBe(refund)
    expect(await statusOf(refund)).toBeUndefined()
    expect(callThenRecord.withoutAnswer).toBe('failed')
    expect(await record(callThenRecord, refund)).toBe(true)
    expect(await statusOf(refund)).toBe('succeeded')
  })
})
