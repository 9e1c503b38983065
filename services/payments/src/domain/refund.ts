/** Money that is to be given back. It is pending until it was made: there is no state "failed". */
export type Refund = {
  refundId: string
  tenantId: string
  paymentId: string
  providerPaymentId: string
  amountCents: number
  /** The part of the amount that takes tax back. */
  taxCents: number
  currency: 'EUR'
  reason: string
  status: 'pending' | 'succeeded'
  attempt: number
  createdAt: Date
}

/** What the provider says about a refund. Banks may take days: it is `pending` there until then. */
export type RefundAtProvider = { kind: 'made'; providerRefundId: string } | { kind: 'pending' }

/** Why the provider will not make a refund, however often it is asked. A person has to decide. */
export type RefundObstacle =
  /** Less than this is left of the charge: money was given back by hand. */
  | 'nothing_left'
  /** The provider has a refund with our id and another amount. */
  | 'another_amount'
  /** It was made and came back, for example because the account is closed. */
  | 'failed_at_provider'
