import type { WorkTable } from '@nightshift/patterns/lease/lease'
import type { Refund } from '../domain/refund.ts'

/** Refunds are leased work, and the subjects of idempotency keys. */
export const refundsTable: WorkTable = { table: 'refunds', id: 'refund_id' }

export type RefundRow = {
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

/**
 * The columns of `RefundRow`, from a refund `r` and its payment `p`, which has the provider's id
 * and the currency.
 */
export const refundColumns = `r.refund_id, r.tenant_id, r.payment_id, p.provider_payment_id,
  r.amount_cents, r.tax_cents, p.currency, r.reason, r.status, r.attempt, r.created_at`

export function toRefund(row: RefundRow): Refund {
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
