import type { DeclineReason, PaymentStatus } from '@nightshift/contracts/payments-http'
import type { Queryable } from '@nightshift/runtime/postgres'
import type { Payment } from '../domain/payment.ts'

type PaymentRow = {
  payment_id: string
  tenant_id: string
  listing_id: string
  publication_id: string
  amount_cents: number
  currency: 'EUR'
  status: PaymentStatus
  decline_reason: DeclineReason | null
  card_token: string | null
  version: number
  created_at: Date
}

const columns = `payment_id, tenant_id, listing_id, publication_id, amount_cents, currency,
  status, decline_reason, card_token, version, created_at`

export type NewPayment = {
  paymentId: string
  tenantId: string
  listingId: string
  publicationId: string
  amountCents: number
  currency: string
  cardToken: string
  traceparent: string | undefined
  firstCheckMs: number
}

/** A key that is claimed again keeps its payment: the row that is there wins. */
export async function insertPayment(tx: Queryable, payment: NewPayment): Promise<void> {
  await tx.query({
    name: 'insert_payment',
    text: `INSERT INTO payments (payment_id, tenant_id, listing_id, publication_id, amount_cents,
             currency, card_token, traceparent, next_check_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9 * interval '1 millisecond')
           ON CONFLICT (payment_id) DO NOTHING`,
    values: [
      payment.paymentId,
      payment.tenantId,
      payment.listingId,
      payment.publicationId,
      payment.amountCents,
      payment.currency,
      payment.cardToken,
      payment.traceparent,
      payment.firstCheckMs,
    ],
  })
}

/** Scoped by tenant: another tenant's payment is as absent as one that never was. */
export async function findPayment(
  db: Queryable,
  tenantId: string,
  paymentId: string,
): Promise<Payment | undefined> {
  const { rows } = await db.query<PaymentRow>({
    name: 'find_payment',
    text: `SELECT ${columns} FROM payments WHERE payment_id = $1 AND tenant_id = $2`,
    values: [paymentId, tenantId],
  })
  return rows[0] && toPayment(rows[0])
}

/** Forward only: a payment that is final stays as it is. Answers undefined if it was. */
export async function capturePayment(
  tx: Queryable,
  paymentId: string,
  providerPaymentId: string,
): Promise<Payment | undefined> {
  const { rows } = await tx.query<PaymentRow>({
    name: 'capture_payment',
    text: `UPDATE payments
           SET status = 'captured', provider_payment_id = $2, card_token = NULL,
               next_check_at = NULL, version = version + 1, updated_at = now()
           WHERE payment_id = $1 AND status = 'pending' RETURNING ${columns}`,
    values: [paymentId, providerPaymentId],
  })
  return rows[0] && toPayment(rows[0])
}

/** As `capturePayment`, for the provider's final no. */
export async function declinePayment(
  tx: Queryable,
  paymentId: string,
  reason: DeclineReason,
): Promise<Payment | undefined> {
  const { rows } = await tx.query<PaymentRow>({
    name: 'decline_payment',
    text: `UPDATE payments
           SET status = 'declined', decline_reason = $2, card_token = NULL,
               next_check_at = NULL, version = version + 1, updated_at = now()
           WHERE payment_id = $1 AND status = 'pending' RETURNING ${columns}`,
    values: [paymentId, reason],
  })
  return rows[0] && toPayment(rows[0])
}

/** The wait doubles with each check and is capped, and half of it is random: see jitter.ts. */
export async function postponeCheck(
  db: Queryable,
  paymentId: string,
  baseMs: number,
  capMs: number,
): Promise<void> {
  await db.query({
    name: 'postpone_check',
    text: `UPDATE payments
           SET checks = checks + 1,
               next_check_at = now() + (0.5 + random() / 2) * interval '1 millisecond'
                 * least($3::float8, $2::float8 * 2 ^ least(checks, 20))
           WHERE payment_id = $1 AND status = 'pending'`,
    values: [paymentId, baseMs, capMs],
  })
}

/** How many pending payments their requests have left open, counting no further than `max`. */
export async function countLeftOpen(db: Queryable, max: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    name: 'count_left_open',
    text: `SELECT count(*)::integer AS count FROM (
             SELECT FROM payments WHERE status = 'pending' AND checks > 0 LIMIT $1) AS left_open`,
    values: [max],
  })
  return rows[0]?.count ?? 0
}

export type DuePayment = { payment: Payment; traceparent: string | null }

/**
 * Takes payments that are due for a check, and puts their next check a lease away: two reconcilers
 * don't take the same one, and one that dies gives its share back by doing nothing.
 */
export async function takeDuePayments(
  db: Queryable,
  batchMax: number,
  leaseMs: number,
): Promise<DuePayment[]> {
  const { rows } = await db.query<PaymentRow & { traceparent: string | null }>({
    name: 'take_due_payments',
    text: `UPDATE payments SET next_check_at = now() + $2 * interval '1 millisecond'
           WHERE payment_id IN (
             SELECT payment_id FROM payments
             WHERE status = 'pending' AND next_check_at <= now()
             ORDER BY next_check_at LIMIT $1 FOR UPDATE SKIP LOCKED)
           RETURNING ${columns}, traceparent`,
    values: [batchMax, leaseMs],
  })
  return rows.map(row => ({ payment: toPayment(row), traceparent: row.traceparent }))
}

function toPayment(row: PaymentRow): Payment {
  return {
    paymentId: row.payment_id,
    tenantId: row.tenant_id,
    listingId: row.listing_id,
    publicationId: row.publication_id,
    amountCents: row.amount_cents,
    currency: row.currency,
    status: row.status,
    declineReason: row.decline_reason,
    cardToken: row.card_token,
    version: row.version,
    createdAt: row.created_at,
  }
}
