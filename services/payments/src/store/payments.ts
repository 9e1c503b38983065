import type { DueOrder, LeasedWork } from '@nightshift/patterns/lease/lease'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Payment } from '../domain/payment.ts'
import { type PaymentRow, paymentColumns, toPayment } from './payment-row.ts'

/** Finds a payment of one tenant. Another tenant's payment looks like none. */
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

/** Finds a payment like `findPayment`, and locks its row until the transaction ends. */
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

export type DuePayment = { payment: Payment; traceparent: string | null }

/**
 * Takes due payments, one at each call, for one lease: the one that has been due longest, and every
 * `latestEvery` calls the one that became due last. After an outage many are due, and the caller of the
 * latest may still be there. Most calls are for the others, which have to be final within 90 s (L1).
 */
export function takeDuePayments(
  db: Queryable,
  work: LeasedWork,
  { leaseMs, latestEvery }: Readonly<{ leaseMs: number; latestEvery: number }>,
): () => Promise<DuePayment | undefined> {
  let calls = 0
  return () => {
    calls += 1
    return takeDuePayment(db, work, leaseMs, calls % latestEvery === 0 ? 'latest' : 'longest')
  }
}

/** Takes the payment that has been due longest, or has become due last, for one lease. */
export async function takeDuePayment(
  db: Queryable,
  work: LeasedWork,
  leaseMs: number,
  first: DueOrder = 'longest',
): Promise<DuePayment | undefined> {
  const { rows } = await db.query<PaymentRow & { traceparent: string | null }>({
    name: `take_due_payment_${first}`,
    text: `WITH ${work.takeDue('$1', first)} SELECT ${paymentColumns('p')}, p.traceparent FROM taken p`,
    values: [leaseMs],
  })
  return rows[0] && { payment: toPayment(rows[0]), traceparent: rows[0].traceparent }
}

/** How many payments of each tenant were left open by their requests. Counts up to `max` only. */
export async function countLeftOpen(db: Queryable, max: number): Promise<Map<string, number>> {
  const { rows } = await db.query<{ tenant_id: string; count: number }>({
    name: 'count_left_open',
    text: `SELECT tenant_id, count(*)::integer AS count FROM (
             SELECT tenant_id FROM payments
             WHERE next_check_at IS NOT NULL AND checks > 0 LIMIT $1) AS open
           GROUP BY tenant_id`,
    values: [max],
  })
  return new Map(rows.map(row => [row.tenant_id, row.count]))
}

/** The age of the oldest open payment, in seconds; 0 when none is open. */
export async function oldestOpenSeconds(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ seconds: number | null }>({
    name: 'oldest_open_seconds',
    // An authorized payment has been open since its action was requested, which is its last update.
    text: `SELECT extract(epoch FROM now() - min(
             CASE status WHEN 'pending' THEN created_at ELSE updated_at END))::float8 AS seconds
           FROM payments WHERE next_check_at IS NOT NULL`,
  })
  return rows[0]?.seconds ?? 0
}
