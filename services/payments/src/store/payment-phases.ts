import { randomUUID } from 'node:crypto'
import type { PaymentEvent } from '@nightshift/contracts/events'
import type { Fencing } from '@nightshift/patterns/fencing/types'
import { fingerprintOf } from '@nightshift/patterns/idempotency-key/fingerprint'
import type { StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Batching } from '@nightshift/patterns/natural-batching/types'
import type { Outbox } from '@nightshift/patterns/outbox/types'
import { crashpoint } from '@nightshift/runtime/crashpoint'
import { currentTraceparent } from '@nightshift/runtime/telemetry'
import type { Pool } from 'pg'
import type { Entry } from '../domain/ledger.ts'
import type { Payment, Settlement } from '../domain/payment.ts'
import type { KeyedPayment, TakePaymentDeps } from '../flows/take-payment.ts'
import { type ClaimSettings, claimPayments, type NewPayment } from './claim-payments.ts'
import { keyHashOf } from './key-hash.ts'
import { isKeyKnown } from './payment-keys.ts'
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
  const { pool, batching, fencing, announcements, isBacklogFull, lanesMax, batchMax } = options
  const settings = { ...options.claim, route: takePaymentRoute }
  const bounds = { lanesMax, batchMax, isErrorOfOne }
  const claimOne = batching({
    ...bounds,
    run: (wanted: readonly NewPayment[]) => claimPayments(pool, wanted, settings),
    keyOf: ({ tenantId, key }) => `${tenantId} ${key}`,
  })
  const settleOne = batching({
    ...bounds,
    run: (changes: readonly PaymentChange[]) => settlePayments(pool, changes, fencing),
    keyOf: ({ before }) => before.paymentId,
  })

  return {
    claim: async keyed => {
      const wanted = newPaymentOf(keyed)
      // While the backlog is full nothing new is begun; what was begun may still be asked for.
      if (isBacklogFull() && !(await isKeyKnown(pool, settings.route, wanted))) {
        return { kind: 'overloaded' }
      }
      const claim = await claimOne(wanted)
      await crashpoint('payment.claimed')
      return claim
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

/** Somebody else has settled it, or works on it. */
export async function present(pool: Pool, { tenantId, paymentId }: Payment): Promise<Payment> {
  const now = await findPayment(pool, tenantId, paymentId)
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
