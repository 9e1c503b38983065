import type {
  CaptureMethod,
  DeclineReason,
  PaymentStatus,
} from '@nightshift/contracts/payments-http'
import type { Payment } from '../domain/payment.ts'

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
  wanted: 'capture' | 'void' | null
  provider_payment_id: string | null
  refunded_cents: number
  card_token: string | null
  version: number
  attempt: number
  created_at: Date
}

/** Of the table `payments`, as `PaymentRow` names them; with the alias of the table before each. */
export function paymentColumns(alias: string): string {
  return columnNames.map(name => `${alias}.${name}`).join(', ')
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
  'wanted',
  'provider_payment_id',
  'refunded_cents',
  'card_token',
  'version',
  'attempt',
  'created_at',
]

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
    wanted: row.wanted,
    providerPaymentId: row.provider_payment_id,
    refundedCents: row.refunded_cents,
    cardToken: row.card_token,
    version: row.version,
    attempt: row.attempt,
    createdAt: row.created_at,
  }
}
