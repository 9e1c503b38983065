import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Refund } from '../domain/refund.ts'
import type { NextCheck } from './payments.ts'

type RefundRow = {
  refund_id: string
  tenant_id: string
  payment_id: string
  provider_payment_id: string
  amount_cents: number
  tax_cents: number
  currency: 'EUR'
  reason: string
  status: 'pending' | 'succeeded'
  attempt: number
  created_at: Date
}

/** Always read beside its payment, which knows the provider's name of it and the currency. */
const columns = `r.refund_id, r.tenant_id, r.payment_id, p.provider_payment_id, r.amount_cents,
  r.tax_cents, p.currency, r.reason, r.status, r.attempt, r.created_at`

export type NewRefund = {
  refundId: string
  tenantId: string
  paymentId: string
  amountCents: number
  taxCents: number
  reason: string
  /** Null where it is not to be found by its key again. */
  keyHash: Buffer | null
  fingerprint: Buffer | null
  traceparent: string | undefined
  firstCheckMs: number
}

export async function insertRefund(tx: Queryable, refund: NewRefund): Promise<void> {
  await tx.query({
    name: 'insert_refund',
    text: `INSERT INTO refunds (refund_id, tenant_id, payment_id, amount_cents, tax_cents, reason,
             key_hash, fingerprint, traceparent, next_check_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + $10 * interval '1 millisecond')`,
    values: [
      refund.refundId,
      refund.tenantId,
      refund.paymentId,
      refund.amountCents,
      refund.taxCents,
      refund.reason,
      refund.keyHash,
      refund.fingerprint,
      refund.traceparent,
      refund.firstCheckMs,
    ],
  })
}

/**
 * Takes an amount of a captured payment for a refund, if so much of it is left: one statement decides,
 * so that two refunds at the same moment can't both have the rest. Answers what was refunded before.
 */
export async function reserveForRefund(
  tx: Queryable,
  tenantId: string,
  paymentId: string,
  amountCents: number,
): Promise<{ refundedBeforeCents: number } | undefined> {
  const { rows } = await tx.query<{ refunded_cents: number }>({
    name: 'reserve_for_refund',
    text: `UPDATE payments SET refunded_cents = refunded_cents + $3, updated_at = now()
           WHERE tenant_id = $1 AND payment_id = $2 AND status = 'captured'
             AND refunded_cents + $3 <= amount_cents
           RETURNING refunded_cents - $3 AS refunded_cents`,
    values: [tenantId, paymentId, amountCents],
  })
  return rows[0] && { refundedBeforeCents: rows[0].refunded_cents }
}

export async function findRefund(
  db: Queryable,
  tenantId: string,
  refundId: string,
): Promise<Refund | undefined> {
  const { rows } = await db.query<RefundRow>({
    name: 'find_refund',
    text: `SELECT ${columns} FROM refunds r JOIN payments p USING (payment_id)
           WHERE r.tenant_id = $1 AND r.refund_id = $2`,
    values: [tenantId, refundId],
  })
  return rows[0] && toRefund(rows[0])
}

/** Whatever its key has made, also long after the row of the key is gone. */
export async function findRefundByKey(
  db: Queryable,
  tenantId: string,
  keyHash: Buffer,
): Promise<{ refund: Refund; fingerprint: Buffer } | undefined> {
  const { rows } = await db.query<RefundRow & { fingerprint: Buffer }>({
    name: 'find_refund_by_key',
    text: `SELECT ${columns}, r.fingerprint FROM refunds r JOIN payments p USING (payment_id)
           WHERE r.tenant_id = $1 AND r.key_hash = $2`,
    values: [tenantId, keyHash],
  })
  return rows[0] && { refund: toRefund(rows[0]), fingerprint: rows[0].fingerprint }
}

/** Oldest first. Bounded by what a payment can be divided into. */
export async function findRefundsOf(
  db: Queryable,
  tenantId: string,
  paymentId: string,
  max: number,
): Promise<Refund[]> {
  const { rows } = await db.query<RefundRow>({
    name: 'find_refunds_of',
    text: `SELECT ${columns} FROM refunds r JOIN payments p USING (payment_id)
           WHERE r.tenant_id = $1 AND r.payment_id = $2 ORDER BY r.created_at, r.refund_id LIMIT $3`,
    values: [tenantId, paymentId, max],
  })
  return rows.map(toRefund)
}

/** Forward only, and only by the owner. False if somebody else was there before. */
export async function markRefunded(
  tx: Queryable,
  { refundId, attempt }: Pick<Refund, 'refundId' | 'attempt'>,
  providerRefundId: string,
): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'mark_refunded',
    text: `UPDATE refunds
           SET status = 'succeeded', provider_refund_id = $3, next_check_at = NULL,
             succeeded_at = now()
           WHERE refund_id = $1 AND attempt = $2 AND status = 'pending'`,
    values: [refundId, attempt, providerRefundId],
  })
  return rowCount === 1
}

/** As `postponeCheck`. */
export async function postponeRefund(
  db: Queryable,
  { refundId, attempt }: Pick<Refund, 'refundId' | 'attempt'>,
  { baseMs, capMs, retryAfterMs }: NextCheck,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'postpone_refund',
    text: `UPDATE refunds
           SET checks = checks + 1,
             next_check_at = now() + interval '1 millisecond' * greatest(
               $5::float8 * (1 + random() / 4),
               (0.5 + random() / 2) * least($4::float8, $3::float8 * 2 ^ least(checks, 20)))
           WHERE refund_id = $1 AND attempt = $2 AND status = 'pending'`,
    values: [refundId, attempt, baseMs, capMs, retryAfterMs],
  })
  return rowCount === 1
}

/**
 * With its key: a higher number for the new owner. Not if somebody has the row just now, who is not
 * silent then, and may be waiting for the key. False if there was nothing to take over.
 */
export async function takeOverRefund(
  tx: Queryable,
  tenantId: string,
  refundId: string,
): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'take_over_refund',
    text: `UPDATE refunds SET attempt = attempt + 1 WHERE refund_id = (
             SELECT refund_id FROM refunds
             WHERE tenant_id = $1 AND refund_id = $2 AND status = 'pending'
             FOR NO KEY UPDATE SKIP LOCKED)`,
    values: [tenantId, refundId],
  })
  return rowCount === 1
}

export type DueRefund = { refund: Refund; traceparent: string | null }

/** As `takeDuePayment`: one refund, its lease, and a higher attempt number for the new owner. */
export async function takeDueRefund(
  db: Queryable,
  leaseMs: number,
): Promise<DueRefund | undefined> {
  const { rows } = await db.query<RefundRow & { traceparent: string | null }>({
    name: 'take_due_refund',
    text: `UPDATE refunds r
           SET next_check_at = now() + $1 * interval '1 millisecond', attempt = r.attempt + 1
           FROM payments p
           WHERE p.payment_id = r.payment_id AND r.refund_id = (
             SELECT refund_id FROM refunds WHERE status = 'pending' AND next_check_at <= now()
             ORDER BY next_check_at LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING ${columns}, r.traceparent`,
    values: [leaseMs],
  })
  return rows[0] && { refund: toRefund(rows[0]), traceparent: rows[0].traceparent }
}

/** Of what is owed, the age of the oldest: what the alarm is set on. 0 when nothing is owed. */
export async function oldestRefundSeconds(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ seconds: number | null }>({
    name: 'oldest_refund_seconds',
    text: `SELECT extract(epoch FROM now() - min(created_at))::float8 AS seconds
           FROM refunds WHERE status = 'pending'`,
  })
  return rows[0]?.seconds ?? 0
}

function toRefund(row: RefundRow): Refund {
  return {
    refundId: row.refund_id,
    tenantId: row.tenant_id,
    paymentId: row.payment_id,
    providerPaymentId: row.provider_payment_id,
    amountCents: row.amount_cents,
    taxCents: row.tax_cents,
    currency: row.currency,
    reason: row.reason,
    status: row.status,
    attempt: row.attempt,
    createdAt: row.created_at,
  }
}
