import { randomUUID } from 'node:crypto'
import { finality } from '@nightshift/contracts/payment-finality'
import { explainClaim, isKeyUsed } from '@nightshift/patterns/idempotency-key/explain-claim'
import { releaseKey } from '@nightshift/patterns/idempotency-key/finish-keys'
import { keyedRequest } from '@nightshift/patterns/idempotency-key/idempotency-key'
import type { LeasedWork } from '@nightshift/patterns/lease/lease'
import type { Batching } from '@nightshift/patterns/natural-batching/types'
import type { Outbox } from '@nightshift/patterns/outbox/types'
import { heedEarlierWebhook } from '@nightshift/patterns/webhook-hint/webhook-hint'
import { inTransaction, type Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { currentTraceparent } from '@nightshift/runtime/telemetry/tracing'
import type { Pool } from 'pg'
import { crashpoint } from '../crash-points.ts'
import type { Payment } from '../domain/payment.ts'
import type { KeyedPayment, PaymentClaim } from '../flows/take-payment.ts'
import {
  type ClaimAttempt,
  type ClaimSettings,
  claimPayments,
  type NewPayment,
  takePaymentRoute,
} from './claim-payments.ts'
import { commitPayments, type PaymentChange, type StagedChange } from './commit-payments.ts'
import { paymentsTable } from './payment-row.ts'
import { findPayment } from './payments.ts'

export type PaymentStoreOptions = {
  pool: Pool
  /** Its own pool for looking up lost keys, so that many duplicates don't delay the phases. */
  lookUps: Pool
  work: LeasedWork
  batching: Batching
  outbox: Outbox
  isBacklogFull: (tenantId: string) => boolean
  limits: ClaimSettings & {
    /** The least time that a request must have left, or its payment is not begun. */
    beginMinMs: number
    /** The longest time of a statement, waiting for its connection included. */
    statementMaxMs: number
    batching: { workersMax: number; batchMax: number }
    /** The wait before a payment that is still open is checked again. */
    backoff: { baseMs: number; capMs: number }
  }
}

export type PaymentStore = ReturnType<typeof paymentStore>

/** The database side of payments. Each phase is one statement for all payments that wait for it. */
export function paymentStore({
  pool,
  lookUps,
  work,
  batching,
  outbox,
  isBacklogFull,
  limits,
}: PaymentStoreOptions) {
  const claimOne = batching({
    ...limits.batching,
    isErrorOfOne,
    run: async (queued: readonly QueuedClaim[]): Promise<(ClaimAttempt | Overloaded)[]> => {
      const requests = queued.map(one => one.request)
      const latest = latestOf(queued.map(one => one.deadline))
      const claim = (db: Queryable) => claimPayments(db, work, requests, limits)
      // Only a transaction can have a shorter time limit. It costs three messages instead of one.
      return latest.remainingMs() < limits.statementMaxMs
        ? inTransaction(pool, claim, latest)
        : claim(pool)
    },
    keyOf: ({ request: { tenantId, key } }) => `${tenantId} ${key}`,
    expired: ({ deadline }) =>
      deadline.remainingMs() < limits.beginMinMs ? overloaded : undefined,
  })
  const commitOne = batching({
    ...limits.batching,
    isErrorOfOne,
    run: (changes: readonly StagedChange[]) => commitPayments(pool, work.fence, changes),
    keyOf: ({ before }) => before.paymentId,
    // Money may have moved, so the outcome is recorded even if the caller has left.
    expired: () => undefined,
  })

  return {
    /** Commits the key and the payment. From then on, another process can continue. */
    async claim(keyed: KeyedPayment, deadline: Deadline): Promise<PaymentClaim> {
      const request = newPayment(keyed)
      // A full backlog refuses new payments. Repetitions of earlier requests are still answered.
      if (isBacklogFull(request.tenantId) && !(await isKeyUsed(lookUps, paymentsTable, request))) {
        return overloaded
      }
      const claim = await claimOne({ request, deadline })
      await crashpoint('payment.claimed')
      return claim.kind === 'lost' ? explain(lookUps, request) : claim
    },

    /**
     * Commits a settlement with everything that follows from it. False if another owner was first.
     */
    async commit(change: PaymentChange): Promise<boolean> {
      await crashpoint('settle.begin')
      const staged = change.event && outbox.stage(change.event)
      const isCommitted = await commitOne({ ...change, staged })
      if (isCommitted) await outbox.committed(change.event ? [change.event] : [])
      return isCommitted
    },

    /**
     * Reschedules an open payment and releases its key, so that the next attempt may continue at
     * once. An owner that was overtaken does neither, because its successor owns the key. Both
     * happen in one transaction: the locked row keeps another attempt from taking over between the
     * two.
     */
    recheckLater({ paymentId, attempt }: Payment, floorMs: number): Promise<void> {
      return inTransaction(pool, async tx => {
        const owner = { id: paymentId, attempt }
        const isOurs = await work.reschedule(tx, owner, { ...limits.backoff, floorMs })
        if (!isOurs) return
        // A provider that told us to wait is not asked sooner, whatever a webhook says.
        if (floorMs === 0) await heedEarlierWebhook(tx, paymentId, paymentsTable)
        await releaseKey(tx, paymentId)
      })
    },

    /** The payment as it is now. */
    reload: (payment: Payment) => reload(pool, payment),
  }
}

type QueuedClaim = { request: NewPayment; deadline: Deadline }
type Overloaded = { kind: 'overloaded' }
const overloaded: Overloaded = { kind: 'overloaded' }

/** A batch is useful as long as one of its callers waits. */
function latestOf(deadlines: readonly Deadline[]): Deadline {
  return { remainingMs: () => Math.max(0, ...deadlines.map(one => one.remainingMs())) }
}

/** Why a key was lost. A settled payment determines the answer, even if its key has none. */
async function explain(db: Queryable, request: NewPayment): Promise<PaymentClaim> {
  const why = await explainClaim(db, paymentsTable, request)
  if (why.kind !== 'in_progress' || why.id === undefined) return why
  const payment = await findPayment(db, request.tenantId, why.id)
  return payment && finality[payment.status].isAnswered ? { kind: 'settled', payment } : why
}

/** @throws when the payment does not exist */
export async function reload(db: Queryable, { tenantId, paymentId }: Payment): Promise<Payment> {
  const now = await findPayment(db, tenantId, paymentId)
  if (!now) throw new Error(`payment ${paymentId} does not exist any more`)
  return now
}

/** Applies defaults before fingerprinting: omitting a default or sending it is the same request. */
export function newPayment({ tenantId, key, request }: KeyedPayment): NewPayment {
  const content = { taxCents: 0, captureMethod: 'automatic', ...request }
  const keyed = { tenantId, route: takePaymentRoute, key }
  const traceparent = currentTraceparent()
  return { ...content, ...keyedRequest(keyed, [content], randomUUID()), traceparent }
}

/**
 * True for errors about data or a constraint (classes 22 and 23 of PostgreSQL): one row of the
 * batch made the statement fail, and nothing was written. After any other error this is unknown,
 * because the connection may have failed.
 */
function isErrorOfOne(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^2[23]/.test(code)
}
