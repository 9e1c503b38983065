import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Payment } from '../domain/payment.ts'
import { type PaymentRow, paymentColumns, toPayment } from './payment-row.ts'

/** Scoped by tenant: another tenant's payment is as absent as one that never was. */
export async function findPayment(
  db: Queryable,
  tenantId: string,
  paymentId: string,
): Promise<Payment | undefined> {
  const { rows } = await db.query<PaymentRow>({
    name: 'find_payment',
    text: `SELECT ${paymentColumns('p')} FROM payments p
           WHERE p.tenant_id = $1 AND p.payment_id = $2`,
    values: [tenantId, paymentId],
  })
  return rows[0] && toPayment(rows[0])
}

/** As `findPayment`, and holds the row until the transaction ends. */
export async function lockPayment(
  tx: Queryable,
  tenantId: string,
  paymentId: string,
): Promise<Payment | undefined> {
  const { rows } = await tx.query<PaymentRow>({
    name: 'lock_payment',
    text: `SELECT ${paymentColumns('p')} FROM payments p
           WHERE p.tenant_id = $1 AND p.payment_id = $2 FOR NO KEY UPDATE`,
    values: [tenantId, paymentId],
  })
  return rows[0] && toPayment(rows[0])
}

/** When to look at something open again. */
export type NextCheck = {
  baseMs: number
  capMs: number
  /** The other side asked not to be asked sooner: the floor of the wait, with some jitter above it. */
  retryAfterMs: number
}

/**
 * The wait doubles with each check and is capped, and half of it is random: see jitter.ts. Whoever has
 * been overtaken postpones nothing, and is told so: the new owner is at work.
 */
export async function postponeCheck(
  db: Queryable,
  { paymentId, attempt }: Pick<Payment, 'paymentId' | 'attempt'>,
  { baseMs, capMs, retryAfterMs }: NextCheck,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'postpone_check',
    text: `UPDATE payments
           SET checks = checks + 1,
               next_check_at = now() + interval '1 millisecond' * greatest(
                 $5::float8 * (1 + random() / 4),
                 (0.5 + random() / 2) * least($4::float8, $3::float8 * 2 ^ least(checks, 20)))
           WHERE payment_id = $1 AND attempt = $2 AND next_check_at IS NOT NULL`,
    values: [paymentId, attempt, baseMs, capMs, retryAfterMs],
  })
  return rowCount === 1
}

/** How many pending payments their requests have left open, counting no further than `max`. */
export async function countLeftOpen(db: Queryable, max: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    name: 'count_left_open',
    text: `SELECT count(*)::integer AS count FROM (
             SELECT FROM payments WHERE next_check_at IS NOT NULL AND checks > 0 LIMIT $1) AS open`,
    values: [max],
  })
  return rows[0]?.count ?? 0
}

export type DuePayment = { payment: Payment; traceparent: string | null }

/**
 * Takes the payment that has been due for a check for longest, and puts its next check a lease away:
 * two workers don't take the same one, and one that dies gives it back by doing nothing. The previous
 * owner is fenced off by the higher attempt number.
 */
export async function takeDuePayment(
  db: Queryable,
  leaseMs: number,
): Promise<DuePayment | undefined> {
  const { rows } = await db.query<PaymentRow & { traceparent: string | null }>({
    name: 'take_due_payment',
    text: `UPDATE payments p
           SET next_check_at = now() + $1 * interval '1 millisecond', attempt = p.attempt + 1
           WHERE p.payment_id = (
             SELECT payment_id FROM payments WHERE next_check_at <= now()
             ORDER BY next_check_at LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING ${paymentColumns('p')}, p.traceparent`,
    values: [leaseMs],
  })
  return rows[0] && { payment: toPayment(rows[0]), traceparent: rows[0].traceparent }
}

/** Of what is open, the age of the oldest: what an alarm is set on. 0 when nothing is. */
export async function oldestOpenSeconds(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ seconds: number | null }>({
    name: 'oldest_open_seconds',
    // A hold is open from the decision about it, which is when it was last changed.
    text: `SELECT extract(epoch FROM now() - min(
             CASE status WHEN 'pending' THEN created_at ELSE updated_at END))::float8 AS seconds
           FROM payments WHERE next_check_at IS NOT NULL`,
  })
  return rows[0]?.seconds ?? 0
}

/** Forgets keys whose time is over. Bounded, because a long delete holds up everything else. */
export async function deleteExpiredKeys(db: Queryable, batchMax: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'delete_expired_keys',
    text: `DELETE FROM idempotency_keys WHERE (tenant_id, route, key) IN (
             SELECT tenant_id, route, key FROM idempotency_keys
             WHERE expires_at < now() AND response_status IS NOT NULL
             ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)`,
    values: [batchMax],
  })
  return rowCount ?? 0
}
