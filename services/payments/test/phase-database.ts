import { randomUUID } from 'node:crypto'
import { eventually } from '@nightshift/load-tests/harness/test-client'
import type { TestParts } from '@nightshift/load-tests/harness/test-parts'
import { openTestSystem } from '@nightshift/load-tests/harness/test-system'
import pg from 'pg'
import type { Payment } from '../src/domain/payment.ts'
import type { KeyedPayment, PaymentClaim } from '../src/flows/take-payment.ts'
import { type ClaimSettings, claimPayments, type NewPayment } from '../src/store/claim-payments.ts'
import { explainClaim } from '../src/store/payment-keys.ts'
import { newPaymentOf, takePaymentRoute } from '../src/store/payment-phases.ts'
import { newKey, paymentOf } from './payment-of.ts'

export const tenantId = randomUUID()
export const leaseMs = 60_000

const settings: ClaimSettings = {
  route: takePaymentRoute,
  owner: 'test',
  leaseMs,
  firstCheckMs: 60_000,
}

/** The tables of the service, and nobody at work on them but the test. */
export type PhaseDatabase = AsyncDisposable & { pool: pg.Pool }

export async function openPhaseDatabase(parts: TestParts): Promise<PhaseDatabase> {
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

export function newWish(key = newKey()): KeyedPayment {
  return { tenantId, key, request: paymentOf() as KeyedPayment['request'] }
}

/** An attempt of its own each time, as the service makes it: with the same key, and another id. */
export async function tryToClaim(
  pool: pg.Pool,
  wanted: NewPayment | KeyedPayment,
): Promise<PaymentClaim | undefined> {
  const attempt = 'request' in wanted ? newPaymentOf(wanted) : wanted
  const [claim] = await claimPayments(pool, [attempt], settings)
  return claim?.kind === 'lost' ? explainClaim(pool, settings.route, attempt) : claim
}

/** @throws when it is somebody else's */
export async function claimOne(pool: pg.Pool, wanted: NewPayment | KeyedPayment): Promise<Payment> {
  const claim = await tryToClaim(pool, wanted)
  if (claim?.kind !== 'claimed') throw new Error(`not claimed: ${claim?.kind}`)
  return claim.payment
}

/** The owner has been silent for a whole lease; the clock need not be waited for. */
export async function letTheLeaseRunOut(pool: pg.Pool, subjectId: string): Promise<void> {
  await pool.query(
    `UPDATE idempotency_keys SET leased_until = now() - interval '1 s' WHERE subject_id = $1`,
    [subjectId],
  )
}

/** Of a key: above zero while nobody else may work on it. */
export async function leaseLeftMs(pool: pg.Pool, subjectId: string): Promise<number> {
  const { rows } = await pool.query(
    `SELECT (extract(epoch FROM leased_until - clock_timestamp()) * 1000)::float8 AS left
     FROM idempotency_keys WHERE subject_id = $1`,
    [subjectId],
  )
  return rows[0].left
}

/** A statement of this database waits for a lock that another transaction holds. */
export async function untilALockIsWaitedFor(pool: pg.Pool): Promise<void> {
  await eventually('a statement waits for a lock', async () => {
    const { rowCount } = await pool.query(
      `SELECT FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
    return rowCount === 1 ? true : undefined
  })
}
