import { randomUUID } from 'node:crypto'
import type { TestParts } from '@nightshift/load-tests/harness/test-parts'
import { openTestSystem } from '@nightshift/load-tests/harness/test-system'
import { fencingNumber, leasedWork } from '@nightshift/patterns/lease/lease'
import { naturalBatching } from '@nightshift/patterns/natural-batching/natural-batching'
import { publishAfterCommit } from '@nightshift/patterns/outbox/naive'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import pg from 'pg'
import { type Payment, settled } from '../src/domain/payment.ts'
import { paymentAnswer } from '../src/domain/payment-answer.ts'
import type { KeyedPayment, PaymentClaim } from '../src/flows/take-payment.ts'
import type { PaymentChange } from '../src/store/commit-payments.ts'
import { paymentsTable } from '../src/store/payment-row.ts'
import { paymentStore } from '../src/store/payment-store.ts'
import { newKey, paymentOf } from './payment-of.ts'

export const tenantId = randomUUID()
export const leaseMs = 60_000
export const beginMinMs = 100
export const enoughTime = deadlineIn(600_000)
export const backoff = { baseMs: 1_000, capMs: 1_000 }
export const payments = leasedWork(fencingNumber, paymentsTable)

/** The tables of the service. Only the test works on them. */
export type StoreDatabase = AsyncDisposable & { pool: pg.Pool }

export async function openStoreDatabase(parts: TestParts): Promise<StoreDatabase> {
  const system = await openTestSystem({ parts, run: [] })
  const connectionString = system.databaseUrl('payments')
  const pool = new pg.Pool({ connectionString, lock_timeout: 5_000 })
  return {
    pool,
    [Symbol.asyncDispose]: async () => {
      await pool.end()
      await system[Symbol.asyncDispose]()
    },
  }
}

/** An outbox without Kafka. Its events are not published. */
export const silentOutbox = (pool: pg.Pool) => publishAfterCommit(pool, 'none', async () => {})

/**
 * The store over the real tables, with one batch at a time. Later requests wait for the next batch.
 */
export function openStore(pool: pg.Pool, { lookUps = pool } = {}) {
  return paymentStore({
    pool,
    lookUps,
    work: payments,
    batching: naturalBatching,
    outbox: silentOutbox(pool),
    isBacklogFull: () => false,
    limits: {
      leaseMs,
      firstCheckMs: 60_000,
      beginMinMs,
      statementMaxMs: 2_000,
      batching: { workersMax: 1, batchMax: 128 },
      backoff,
    },
  })
}

export function newRequest(key = newKey()): KeyedPayment {
  return { tenantId, key, request: paymentOf() as KeyedPayment['request'] }
}

/** An attempt with the key of the request. */
export function tryToClaim(pool: pg.Pool, keyed: KeyedPayment): Promise<PaymentClaim> {
  return openStore(pool).claim(keyed, enoughTime)
}

/** @throws when another attempt has the key */
export async function claimOne(pool: pg.Pool, keyed: KeyedPayment): Promise<Payment> {
  const claim = await tryToClaim(pool, keyed)
  if (claim.kind !== 'claimed') throw new Error(`not claimed: ${claim.kind}`)
  return claim.payment
}

export function declined(before: Payment): PaymentChange {
  const after = settled(before, { kind: 'declined', reason: 'card_declined' })
  return { before, after, ledger: [], answer: paymentAnswer(after), event: undefined }
}

/** Back-dates the lease, as if its owner had been silent for all of it. */
export async function expireLease(pool: pg.Pool, subjectId: string): Promise<void> {
  await pool.query(
    `UPDATE idempotency_keys SET leased_until = now() - interval '1 s' WHERE subject_id = $1`,
    [subjectId],
  )
}

/** The time until another attempt may take the key. It is negative afterwards. */
export async function leaseLeftMs(pool: pg.Pool, subjectId: string): Promise<number> {
  const { rows } = await pool.query(
    `SELECT (extract(epoch FROM leased_until - clock_timestamp()) * 1000)::float8 AS left
     FROM idempotency_keys WHERE subject_id = $1`,
    [subjectId],
  )
  return rows[0].left
}
