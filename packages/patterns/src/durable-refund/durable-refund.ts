/**
 * Fault:    a refund is asked for, and the answer of the other side is lost.
 * Without:  load-tests/results/durable-refund.json (refunded, in no table); the code is `naive.ts`.
 * With:     committed before the provider is asked, and pending until the refund is made.
 * Switch:   PATTERN_DURABLE_REFUND=naive
 */
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Fence } from '../lease/types.ts'
import type { DurableRefund, RefundIntent } from './types.ts'

/**
 * Commit the intent, call the provider, record the result. The intent is a row of its own, and it
 * has no state "failed": the job repeats the call until the refund is made. The provider's
 * idempotency key is derived from the row, so all repetitions make one refund.
 */
export const commitIntentFirst: DurableRefund = {
  keepIntent: result => result,
  beforeRecording: async () => {},
  withoutAnswer: 'pending',
}

type Reservation = Pick<RefundIntent, 'tenantId' | 'paymentId' | 'amountCents'>

/**
 * Reserves an amount of a captured payment for a refund, if that much is left. One statement
 * decides, so that two refunds at the same moment can't both take the rest.
 * @returns how much was refunded before, in cents; undefined if less than the amount is left
 */
export async function reserve(
  tx: Queryable,
  { tenantId, paymentId, amountCents }: Reservation,
): Promise<number | undefined> {
  const { rows } = await tx.query<{ refunded_before: number }>({
    name: 'reserve_for_refund',
    text: `UPDATE payments SET refunded_cents = refunded_cents + $3, updated_at = now()
           WHERE tenant_id = $1 AND payment_id = $2 AND status = 'captured'
             AND refunded_cents + $3 <= amount_cents
           RETURNING refunded_cents - $3 AS refunded_before`,
    values: [tenantId, paymentId, amountCents],
  })
  return rows[0]?.refunded_before
}

/** Writes the intent. Once it is committed, the job finds it and continues it. */
export async function insertIntent(tx: Queryable, intent: RefundIntent): Promise<void> {
  await tx.query({
    name: 'insert_refund',
    text: `INSERT INTO refunds (refund_id, tenant_id, payment_id, amount_cents, tax_cents, reason,
             key_hash, fingerprint, traceparent, next_check_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + $10 * interval '1 millisecond')`,
    values: [
      intent.refundId,
      intent.tenantId,
      intent.paymentId,
      intent.amountCents,
      intent.taxCents,
      intent.reason,
      intent.keyHash,
      intent.fingerprint,
      intent.traceparent,
      intent.firstCheckMs,
    ],
  })
}

/**
 * Records that a refund was made. Only the owner of the row may do so.
 * @returns false, with nothing changed, if it was recorded before or has another owner
 */
export async function recordMade(
  tx: Queryable,
  fence: Fence,
  { refundId, attempt }: { refundId: string; attempt: number },
  providerRefundId: string,
): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'record_refund_made',
    text: `UPDATE refunds AS t
           SET status = 'succeeded', provider_refund_id = $3, next_check_at = NULL,
             succeeded_at = now(), attempt = ${fence.next('t')}
           FROM (VALUES ($1::uuid, $2::integer)) AS owner (id, attempt)
           WHERE t.refund_id = owner.id AND ${fence.holds('t', 'owner')}`,
    values: [refundId, attempt, providerRefundId],
  })
  return rowCount === 1
}
