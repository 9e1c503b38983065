import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { CaptureOrVoidDeps, Hold } from '../flows/capture-or-void.ts'
import { type PaymentRow, paymentColumns, toPayment } from './payment-row.ts'
import { findPayment } from './payments.ts'

/** One statement decides: money that is held is wanted back or taken, and never both. */
export function requestCaptureOrVoid(firstCheckMs: number) {
  return async (
    db: Queryable,
    tenantId: string,
    paymentId: string,
    wanted: Hold,
  ): ReturnType<CaptureOrVoidDeps['decide']> => {
    const { rows } = await db.query<PaymentRow>({
      name: 'request_capture_or_void',
      text: `UPDATE payments p
             SET wanted = $3, checks = 0, attempt = p.attempt + 1, updated_at = now(),
               next_check_at = now() + $4 * interval '1 millisecond'
             WHERE p.tenant_id = $1 AND p.payment_id = $2 AND p.status = 'authorized'
               AND (p.wanted IS NULL OR p.wanted = $3)
             RETURNING ${paymentColumns('p')}`,
      values: [tenantId, paymentId, wanted, firstCheckMs],
    })
    const [row] = rows
    if (row) return { kind: 'decided', payment: toPayment(row) }
    const payment = await findPayment(db, tenantId, paymentId)
    return payment ? { kind: 'not_held', payment } : { kind: 'no_such_payment' }
  }
}
