import type { Fence } from '@nightshift/patterns/lease/types'
import { inTenantTransaction } from '@nightshift/runtime/postgres/postgres'
import type { Pool } from 'pg'
import type { Action, Payment } from '../domain/payment.ts'
import { type PaymentRow, paymentColumns, toPayment } from './payment-row.ts'
import { findPayment } from './payments.ts'

export type RequestedAction =
  | { kind: 'requested'; payment: Payment }
  | { kind: 'not_authorized'; payment: Payment }
  | { kind: 'no_such_payment' }

export type RequestAction = ReturnType<typeof requestCaptureOrVoid>

/**
 * One statement decides whether authorized money is captured or voided, so that it can't be both.
 */
export function requestCaptureOrVoid(pool: Pool, fence: Fence, firstCheckMs: number) {
  return (tenantId: string, paymentId: string, action: Action): Promise<RequestedAction> =>
    inTenantTransaction(pool, tenantId, async tx => {
      const { rows } = await tx.query<PaymentRow>({
        name: 'request_capture_or_void',
        text: `UPDATE payments p
               SET requested_action = $3, checks = 0, attempt = ${fence.next('p')},
                 next_check_at = now() + $4 * interval '1 millisecond', updated_at = now()
               WHERE p.tenant_id = $1 AND p.payment_id = $2 AND p.status = 'authorized'
                 AND (p.requested_action IS NULL OR p.requested_action = $3)
               RETURNING ${paymentColumns('p')}`,
        values: [tenantId, paymentId, action, firstCheckMs],
      })
      if (rows[0]) return { kind: 'requested', payment: toPayment(rows[0]) }
      const payment = await findPayment(tx, tenantId, paymentId)
      return payment ? { kind: 'not_authorized', payment } : { kind: 'no_such_payment' }
    })
}
