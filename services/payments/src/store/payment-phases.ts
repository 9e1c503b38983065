import { randomUUID } from 'node:crypto'
import type { PaymentEvent } from '@nightshift/contracts/events'
import { fingerprintOf } from '@nightshift/patterns/idempotency-key/fingerprint'
import { keyHashOf } from '@nightshift/patterns/idempotency-key/key-hash'
import type { StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Fencing } from '@nightshift/patterns/lease/types'
import type { Batching } from '@nightshift/patterns/natural-batching/types'
import type { Outbox } from '@nightshift/patterns/outbox/types'
import { inTransaction, type Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { currentTraceparent } from '@nightshift/runtime/telemetry/tracing'
import type { Pool } from 'pg'
import { crashpoint } from '../crash-points.ts'
import type { Entry } from '../domain/ledger.ts'
import type { Payment, Settlement } from '../domain/payment.ts'
import type { KeyedPayment, TakePaymentDeps } from '../flows/take-payment.ts'
import {
  type ClaimAttempt,
  type ClaimSettings,
  claimPayments,
  type NewPayment,
} from './claim-payments.ts'
import { explainClaim, isKeyKnown } from './payment-keys.ts'
import { findPayment } from './payments.ts'
import { type PaymentChange, settlePayments } from './settle-payments.ts'

export const takePaymentRoute = 'POST /v1/payments'

/** What becomes of a payment with a settlement, and what others are told. */
export type Telling = {
  changeOf: (
    payment: Payment,
    settlement: Settlement,
  ) => { after: Payment; entries: readonly Entry[] }
  answerOf: (payment: Payment) => StoredAnswer
  eventOf: (payment: Payment) => PaymentEvent | undefined
}

export type PhasesOptions = Telling & {
  pool: Pool
  /** For looking up why a key could not be claimed: a crowd of duplicates leaves the phases theirs. */
  lookUps: Pool
  /** With less left of a request, its payment is not begun. */
  beginMinMs: number
  /** A whole statement, waiting for its connection included, takes no longer. */
  statementMaxMs: number
  batching: Batching
  fencing: Fencing
  announcements: Outbox
  isBacklogFull: () => boolean
  claim: Omit<ClaimSettings, 'route'>
  lanesMax: number
  batchMax: number
}

/** The two phases of a payment that commit: each is one statement, for as many payments as wait. */
export function paymentPhases(options: PhasesOptions): Pick<TakePaymentDeps, 'claim' | 'settle'> {
  const { pool, lookUps, batching, fencing, announcements, isBacklogFull } = options
  const { lanesMax, batchMax, beginMinMs, statementMaxMs } = options
  const settings = { ...options.claim, route: takePaymentRoute }
  const bounds = { workersMax: lanesMax, batchMax, isErrorOfOne }
  const claimOne = batching({
    ...bounds,
    run: async (queued: readonly QueuedClaim[]): Promise<(ClaimAttempt | Overloaded)[]> => {
      const wanted = queued.map(one => one.wanted)
      const latest = latestOf(queued.map(one => one.deadline))
      // Three messages instead of one, so only for callers who are in a hurry.
      return latest.remainingMs() < statementMaxMs
        ? inTransaction(pool, tx => claimPayments(tx, wanted, settings), latest)
        : claimPayments(pool, wanted, settings)
    },
    keyOf: ({ wanted: { tenantId, key } }) => `${tenantId} ${key}`,
    expired: ({ deadline }) => (deadline.remainingMs() < beginMinMs ? overloaded : undefined),
  })
  const settleOne = batching({
    ...bounds,
    run: (changes: readonly PaymentChange[]) => settlePayments(pool, changes, fencing),
    keyOf: ({ before }) => before.paymentId,
    // Money may have moved: what became of it is recorded for whoever comes next.
    expired: () => undefined,
  })

  return {
    claim: async (keyed, deadline) => {
      const wanted = newPaymentOf(keyed)
      // While the backlog is full nothing new is begun; what was begun may still be asked for.
      if (isBacklogFull() && !(await isKeyKnown(lookUps, settings.route, wanted))) return overloaded
      const claim = await claimOne({ wanted, deadline })
      await crashpoint('payment.claimed')
      return claim.kind === 'lost' ? explainClaim(lookUps, settings.route, wanted) : claim
    },

    settle: async (payment, settlement) => {
      await crashpoint('settle.begin')
      const { after, entries } = options.changeOf(payment, settlement)
      const event = options.eventOf(after)
      const isDone = await settleOne({
        before: payment,
        after,
        entries,
        answer: options.answerOf(after),
        event: event && announcements.stage(event),
      })
      if (!isDone) return present(pool, payment)
      await announcements.committed(event ? [event] : [])
      return after
    },
  }
}

type QueuedClaim = { wanted: NewPayment; deadline: Deadline }
type Overloaded = { kind: 'overloaded' }
const overloaded: Overloaded = { kind: 'overloaded' }

/** A batch is worth doing for as long as one of its callers waits. */
function latestOf(deadlines: readonly Deadline[]): Deadline {
  return { remainingMs: () => Math.max(0, ...deadlines.map(one => one.remainingMs())) }
}

/** Somebody else has settled it, or works on it. */
export async function present(db: Queryable, { tenantId, paymentId }: Payment): Promise<Payment> {
  const now = await findPayment(db, tenantId, paymentId)
  if (!now) throw new Error(`payment ${paymentId} is not there any more`)
  return now
}

export function newPaymentOf({ tenantId, key, request }: KeyedPayment): NewPayment {
  // What is left out is filled in first: whoever says the same in words sends the same request.
  const wish = { taxCents: 0, captureMethod: 'automatic', ...request }
  return {
    ...wish,
    paymentId: randomUUID(),
    tenantId,
    key,
    keyHash: keyHashOf(takePaymentRoute, key),
    fingerprint: fingerprintOf(takePaymentRoute, wish),
    traceparent: currentTraceparent(),
  }
}

/**
 * Data or a constraint (classes 22 and 23 of PostgreSQL): the statement did nothing, because of one
 * row. Anything else may be about the connection, and then nobody knows what was done.
 */
function isErrorOfOne(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^2[23]/.test(code)
}
