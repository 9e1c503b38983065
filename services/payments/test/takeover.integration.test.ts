import { randomUUID } from 'node:crypto'
import { waitUntilBlocked } from '@nightshift/load-tests/harness/count-blocked'
import { commitIntentFirst } from '@nightshift/patterns/durable-refund/durable-refund'
import { callThenRecord } from '@nightshift/patterns/durable-refund/naive'
import { idempotencyKeys } from '@nightshift/patterns/idempotency-key/idempotency-key'
import { fencingNumber, leasedWork } from '@nightshift/patterns/lease/lease'
import { inTransaction } from '@nightshift/runtime/postgres/postgres'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { refundEntries } from '../src/domain/ledger.ts'
import type { Refund } from '../src/domain/refund.ts'
import { refundAnswer } from '../src/domain/refund-answer.ts'
import type { KeyedRefund, RefundClaim } from '../src/flows/refund-payment.ts'
import { paymentsTable } from '../src/store/payment-row.ts'
import { paymentsInSteps } from '../src/store/payments-in-steps.ts'
import { refundsTable } from '../src/store/refund-row.ts'
import { type RefundStore, refundStore } from '../src/store/refund-store.ts'
import { newKey } from './payment-of.ts'
import {
  backoff,
  claimOne,
  declined,
  enoughTime,
  expireLease,
  leaseLeftMs,
  leaseMs,
  newRequest,
  openStore,
  openStoreDatabase,
  payments,
  type StoreDatabase,
  silentOutbox,
  tenantId,
  tryToClaim,
} from './store-database.ts'

let database: StoreDatabase
const firstCheckMs = 60_000

beforeAll(async () => {
  database = await openStoreDatabase(inject('parts'))
})
afterAll(() => database[Symbol.asyncDispose]())

describe('the key of a payment', () => {
  test('is released by its owner', async () => {
    const payment = await claimOne(database.pool, newRequest())
    await openStore(database.pool).recheckLater(payment, 0)
    expect(await leaseLeftMs(database.pool, payment.paymentId)).toBeLessThan(0)
  })

  test('is not released by an owner that was overtaken', async () => {
    const request = newRequest()
    const first = await claimOne(database.pool, request)
    await expireLease(database.pool, first.paymentId)
    const second = await claimOne(database.pool, request)
    expect([second.paymentId, second.attempt]).toEqual([first.paymentId, 2])
    await openStore(database.pool).recheckLater(first, 0)
    expect(await leaseLeftMs(database.pool, first.paymentId)).toBeGreaterThan(0)
    expect(await tryToClaim(database.pool, request)).toMatchObject({ kind: 'in_progress' })
  })
})

test('an owner that was overtaken commits nothing, and its successor commits once', async () => {
  const store = openStore(database.pool)
  const request = newRequest()
  const first = await claimOne(database.pool, request)
  await expireLease(database.pool, first.paymentId)
  const second = await claimOne(database.pool, request)
  expect(await store.commit(declined(first))).toBe(false)
  expect(await store.commit(declined(second))).toBe(true)
  expect(await store.commit(declined(second))).toBe(false)
})

test('the store in steps also gives a new owner a higher number', async () => {
  const { pool } = database
  const store = paymentsInSteps({
    pool,
    work: payments,
    keys: idempotencyKeys({ subjects: paymentsTable, leaseMs }),
    outbox: silentOutbox(pool),
    isBacklogFull: () => false,
    limits: { firstCheckMs, backoff },
  })
  const request = newRequest()
  const claim = async () => {
    const one = await store.claim(request, enoughTime)
    if (one.kind !== 'claimed') throw new Error(`not claimed: ${one.kind}`)
    return one.payment
  }
  const first = await claim()
  await expireLease(pool, first.paymentId)
  const second = await claim()
  expect([second.paymentId, second.attempt]).toEqual([first.paymentId, 2])
  expect(await store.commit(declined(first))).toBe(false)
  expect(await store.reload(first)).toEqual(second)
})

describe('a refund', () => {
  const open = (durable = commitIntentFirst) =>
    refundStore({
      pool: database.pool,
      worker: database.pool,
      work: leasedWork(fencingNumber, refundsTable),
      durable,
      limits: { keyLeaseMs: leaseMs, firstCheckMs, backoff, escalatedMs: 60_000 },
    })

  async function newRefund(): Promise<KeyedRefund> {
    const paymentId = randomUUID()
    await database.pool.query(
      `INSERT INTO payments (payment_id, tenant_id, listing_id, publication_id, amount_cents,
         currency, status, provider_payment_id)
       VALUES ($1::uuid, $2, $2, $2, 9900, 'EUR', 'captured', 'pi_' || $1::text)`,
      [paymentId, tenantId],
    )
    return { tenantId, paymentId, key: newKey(), request: { reason: 'duplicate' } }
  }

  async function claimed(store: RefundStore, keyed: KeyedRefund): Promise<Refund> {
    const one = await store.claim(keyed, enoughTime)
    if (one.kind !== 'claimed') throw new Error(`not claimed: ${one.kind}`)
    return one.refund
  }

  const made = (before: Refund, providerRefundId: string) => ({
    before,
    providerRefundId,
    ledger: refundEntries(before),
    answer: refundAnswer({ ...before, status: 'succeeded' }),
  })

  test('gets a higher number by a takeover, and its first owner commits nothing', async () => {
    const store = open()
    const keyed = await newRefund()
    const first = await claimed(store, keyed)
    await expireLease(database.pool, first.refundId)
    const second = await claimed(store, keyed)
    expect([second.refundId, second.attempt]).toEqual([first.refundId, first.attempt + 1])
    expect(await store.commit(made(first, 're_first'))).toBe(false)
    expect(await store.reload(first)).toMatchObject({ status: 'pending', attempt: 2 })
    expect(await store.commit(made(second, 're_second'))).toBe(true)
  })

  test('keeps its key when an owner that was overtaken reschedules it', async () => {
    const store = open()
    const keyed = await newRefund()
    const first = await claimed(store, keyed)
    await expireLease(database.pool, first.refundId)
    await claimed(store, keyed)
    await store.recheckLater(first, 0)
    expect(await leaseLeftMs(database.pool, first.refundId)).toBeGreaterThan(0)
  })

  test('of the rest takes the rest at the moment of its own transaction', async () => {
    const store = open()
    const keyed = await newRefund()
    let whole: Promise<RefundClaim> | undefined
    await inTransaction(database.pool, async tx => {
      await tx.query('UPDATE payments SET refunded_cents = 100 WHERE payment_id = $1', [
        keyed.paymentId,
      ])
      whole = store.claim(keyed, enoughTime)
      await waitUntilBlocked(database.pool)
    })
    expect(await whole).toMatchObject({ kind: 'claimed', refund: { amountCents: 9_800 } })
  })

  test('is not taken over while its row is locked, and nothing waits for the lock', async () => {
    const store = open()
    const keyed = await newRefund()
    const { refundId } = await claimed(store, keyed)
    await expireLease(database.pool, refundId)
    const claim = await inTransaction(database.pool, async tx => {
      await tx.query('SELECT FROM refunds WHERE refund_id = $1 FOR NO KEY UPDATE', [refundId])
      return store.claim(keyed, enoughTime)
    })
    expect(claim).toEqual({ kind: 'in_progress', retryAfterMs: 0 })
    expect(await leaseLeftMs(database.pool, refundId)).toBeLessThan(0)
  })

  test('of the naive version is recorded when it is made, and its key does not lead to it', async () => {
    const store = open(callThenRecord)
    const keyed = await newRefund()
    const part = { ...keyed, request: { ...keyed.request, amountCents: 100 } }
    const first = await claimed(store, part)
    expect(await store.commit(made(first, 're_naive'))).toBe(true)
    const second = await claimed(store, part)
    expect(second.refundId).not.toBe(first.refundId)
  })
})
