import type { LeasedWork } from '@nightshift/patterns/lease/lease'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Refund } from '../domain/refund.ts'
import { type RefundRow, refundColumns, toRefund } from './refund-row.ts'

export async function findRefund(
  db: Queryable,
  tenantId: string,
  refundId: string,
): Promise<Refund | undefined> {
  const { rows } = await db.query<RefundRow>({
    name: 'find_refund',
    text: `SELECT ${refundColumns} FROM refunds r JOIN payments p USING (payment_id)
           WHERE r.tenant_id = $1 AND r.refund_id = $2`,
    values: [tenantId, refundId],
  })
  return rows[0] && toRefund(rows[0])
}

/** The refunds of a payment, oldest first. */
export async function findRefundsOf(
  db: Queryable,
  tenantId: string,
  paymentId: string,
  max: number,
): Promise<Refund[]> {
  const { rows } = await db.query<RefundRow>({
    name: 'find_refunds_of',
    text: `SELECT ${refundColumns} FROM refunds r JOIN payments p USING (payment_id)
           WHERE r.tenant_id = $1 AND r.payment_id = $2 ORDER BY r.created_at, r.refund_id LIMIT $3`,
    values: [tenantId, paymentId, max],
  })
  return rows.map(toRefund)
}

export type DueRefund = { refund: Refund; traceparent: string | null }

/** Takes the refund that has been due longest, for one lease. */
export async function takeDueRefund(
  db: Queryable,
  work: LeasedWork,
  leaseMs: number,
): Promise<DueRefund | undefined> {
  const { rows } = await db.query<RefundRow & { traceparent: string | null }>({
    name: 'take_due_refund',
    text: `WITH ${work.takeDue('$1')}
           SELECT ${refundColumns}, r.traceparent FROM taken r JOIN payments p USING (payment_id)`,
    values: [leaseMs],
  })
  return rows[0] && { refund: toRefund(rows[0]), traceparent: rows[0].traceparent }
}

/** The age of the oldest pending refund, in seconds; 0 when none is pending. */
export async function oldestRefundSeconds(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ seconds: number | null }>({
    name: 'oldest_refund_seconds',
    text: `SELECT extract(epoch FROM now() - min(created_at))::float8 AS seconds
           FROM refunds WHERE next_check_at IS NOT NULL`,
  })
  return rows[0]?.seconds ?? 0
}
