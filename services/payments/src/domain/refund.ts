/** A refund of captured money. It is pending until it is made: there is no state "failed". */
export type Refund = {
  refundId: string
  tenantId: string
  paymentId: string
  providerPaymentId: string
  amountCents: number
  /** The tax in the amount, which is refunded with it. */
  taxCents: number
  currency: 'EUR'
  reason: string
  status: 'pending' | 'succeeded'
  attempt: number
  createdAt: Date
}

/**
 * The state of a refund at the provider. It may stay `pending` for days, because banks take days.
 */
export type RefundAtProvider = { kind: 'made'; providerRefundId: string } | { kind: 'pending' }

/** Why the provider will never make a refund. A person has to decide what to do. */
export const refundObstacles = [
  /** Less than the amount is left of the charge, because money was refunded by hand. */
  'nothing_left',
  /** The provider has a refund with our id and another amount. */
  'another_amount',
  /** The money came back, for example because the account is closed. */
  'failed_at_provider',
] as const
export type RefundObstacle = (typeof refundObstacles)[number]
