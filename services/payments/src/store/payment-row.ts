import type {
  CaptureMethod,
  DeclineReason,
  PaymentStatus,
} from '@nightshift/contracts/payments-http'
import type { WorkTable } from '@nightshift/patterns/lease/lease'
import type { Action, Payment } from '../domain/payment.ts'

/** Payments are leased work, and the subjects of idempotency keys. */
export const paymentsTable: WorkTable = { table: 'payments', id: 'payment_id' }

export type PaymentRow = {
  payment_id: string
  tenant_id: string
  listing_id: string
  publication_id: string
  amount_cents: number
  tax_cents: number
  currency: 'EUR'
  capture_method: CaptureMethod
  status: PaymentStatus
  decline_reason: DeclineReason | null
  requested_action: Action | null
  provider_payment_id: string | null
  refunded_cents: number
  card_token: string | null
  version: number
  attempt: number
  created_at: Date
}

const columnNames: readonly (keyof PaymentRow)[] = [
  'payment_id',
  'tenant_id',
  'listing_id',
  'publication_id',
  'amount_cents',
  'tax_cents',
  'currency',
  'capture_method',
  'status',
  'decline_reason',
  'requested_action',
  'provider_payment_id',
  'refunded_cents',
  'card_token',
  'version',
  'attempt',
  'created_at',
]

/** The columns of `PaymentRow`, each with the alias of its table before it. */
export function paymentColumns(alias: string): string {
  return columnNames.map(name => `${alias}.${name}`).join(', ')
}

export function toPayment(row: PaymentRow): Payment {
  return {
    paymentId: row.payment_id,
    tenantId: row.tenant_id,
    listingId: row.listing_id,
    publicationId: row.publication_id,
    amountCents: row.amount_cents,
    taxCents: row.tax_cents,
    currency: row.currency,
    captureMethod: row.capture_method,
    status: row.status,
    declineReason: row.decline_reason,
    requestedAction: row.requested_action,
    providerPaymentId: row.provider_payment_id,
    refundedCents: row.refunded_cents,
    cardToken: row.card_token,
    version: row.version,
    attempt: row.attempt,
    createdAt: row.created_at,
  }
}
