import type { IdempotencyKeys } from '@nightshift/patterns/idempotency-key/types'
import type { Announce, Outbox } from '@nightshift/patterns/outbox/types'
import { inTransaction, RollBack, type Transaction } from '@nightshift/runtime/postgres/postgres'
import type { Pool } from 'pg'
import { crashpoint } from '../../crash-points.ts'
import type { Entry } from '../../domain/ledger.ts'
import type { Payment, Settlement } from '../../domain/payment.ts'
import type { KeyedPayment, PaymentClaim, TakePaymentDeps } from '../../flows/take-payment.ts'
import type { NewPayment } from '../claim-payments.ts'
import { newPaymentOf, present, type Telling, takePaymentRoute } from '../payment-phases.ts'
import { findPayment } from '../payments.ts'

export type StepByStepOptions = Telling & {
  pool: Pool
  /** Which of the ways to keep keys; `packages/patterns/src/idempotency-key` has them all. */
  keys: IdempotencyKeys
  announcements: Outbox
  isBacklogFull: () => boolean
  firstCheckMs: number
}

/**
 * The same two phases as most endpoints have them: a transaction with one statement after the other,
 * none of them named. Here the ways to keep idempotency keys can be exchanged, and the bench has the
 * form that tutorials teach.
 */
export function stepByStepPhases(
  options: StepByStepOptions,
): Pick<TakePaymentDeps, 'claim' | 'settle'> {
  const { pool, announcements } = options
  return {
    claim: async (keyed, deadline) => {
      const result = await inTransaction(pool, tx => beginPayment(tx, options, keyed), deadline)
      await crashpoint('payment.claimed')
      return result
    },

    settle: async (payment, settlement) => {
      await crashpoint('settle.begin')
      return announcements.transact((tx, announce) =>
        endPayment(tx, announce, options, payment, settlement),
      )
    },
  }
}

/** The first phase, in a transaction of the caller: the key, and the payment that it stands for. */
export async function beginPayment(
  tx: Transaction,
  { keys, isBacklogFull, firstCheckMs }: StepByStepOptions,
  keyed: KeyedPayment,
): Promise<PaymentClaim> {
  const wanted = newPaymentOf(keyed)
  const { tenantId, key, fingerprint, paymentId: proposedId } = wanted
  const request = { tenantId, route: takePaymentRoute, key, fingerprint, proposedId }
  const claim = await keys.claim(tx, request)
  if (claim.kind !== 'claimed') return claim
  if (claim.resumed) {
    await takeOverPayment(tx, claim.id)
  } else {
    if (isBacklogFull()) throw new RollBack<PaymentClaim>({ kind: 'overloaded' })
    await insertPayment(tx, wanted, firstCheckMs)
  }
  const payment = await findPayment(tx, tenantId, claim.id)
  if (!payment) throw new Error(`the key was claimed and its payment ${claim.id} is absent`)
  return { kind: 'claimed', payment }
}

/** The last phase, in a transaction of the caller: the state, the ledger, the event, the answer. */
export async function endPayment(
  tx: Transaction,
  announce: Announce,
  { keys, changeOf, answerOf, eventOf }: StepByStepOptions,
  payment: Payment,
  settlement: Settlement,
): Promise<Payment> {
  const { after, entries } = changeOf(payment, settlement)
  const event = eventOf(after)
  // Through the open transaction: a second connection would be waited for while this one is held.
  if (!(await updatePayment(tx, payment, after))) return present(tx, payment)
  if (entries.length > 0) await post(tx, after, entries)
  if (event) await announce(event)
  await keys.finish(tx, payment.paymentId, answerOf(after))
  return after
}

/** A higher number: whoever worked on it before writes nothing any more. */
async function takeOverPayment(tx: Transaction, paymentId: string): Promise<void> {
  await tx.query(
    `UPDATE payments SET attempt = attempt + 1 WHERE payment_id = $1 AND status = 'pending'`,
    [paymentId],
  )
}

async function insertPayment(
  tx: Transaction,
  payment: NewPayment,
  firstCheckMs: number,
): Promise<void> {
  await tx.query(
    `INSERT INTO payments (payment_id, tenant_id, listing_id, publication_id, amount_cents,
       tax_cents, currency, capture_method, card_token, traceparent, next_check_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + $11 * interval '1 millisecond')`,
    [
      payment.paymentId,
      payment.tenantId,
      payment.listingId,
      payment.publicationId,
      payment.amountCents,
      payment.taxCents,
      payment.currency,
      payment.captureMethod,
      payment.cardToken,
      payment.traceparent,
      firstCheckMs,
    ],
  )
}

async function updatePayment(tx: Transaction, before: Payment, after: Payment): Promise<boolean> {
  const { rowCount } = await tx.query(
    `UPDATE payments
     SET status = $4, provider_payment_id = $5, decline_reason = $6, card_token = NULL,
       wanted = NULL, next_check_at = NULL, version = version + 1, updated_at = now()
     WHERE payment_id = $1 AND status = $2 AND attempt = $3`,
    [
      before.paymentId,
      before.status,
      before.attempt,
      after.status,
      after.providerPaymentId,
      after.declineReason,
    ],
  )
  return rowCount === 1
}

async function post(
  tx: Transaction,
  { tenantId, paymentId, currency }: Payment,
  entries: readonly Entry[],
): Promise<void> {
  const { rows } = await tx.query<{ transaction_id: string }>(
    `INSERT INTO ledger_transactions (tenant_id, source, source_id, payment_id)
     VALUES ($1, 'capture', $2, $2) RETURNING transaction_id`,
    [tenantId, paymentId],
  )
  for (const { account, amountCents } of entries) {
    await tx.query(
      `INSERT INTO ledger_entries (transaction_id, tenant_id, account, amount_cents, currency)
       VALUES ($1, $2, $3, $4, $5)`,
      [rows[0]?.transaction_id, tenantId, account, amountCents, currency],
    )
  }
}
