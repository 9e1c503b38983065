/** Money that is owed back. It is pending until it is paid: there is no other end. */
export type Refund = {
  refundId: string
  tenantId: string
  paymentId: string
  providerPaymentId: string
  amountCents: number
  /** Of the amount: what is taken back of the tax. */
  taxCents: number
  currency: 'EUR'
  reason: string
  status: 'pending' | 'succeeded'
  attempt: number
  createdAt: Date
}

/** What the provider has made of it. Banks may take days: it is `pending` there until then. */
export type RefundAtProvider = { kind: 'made'; providerRefundId: string } | { kind: 'pending' }

/** Why the provider won't make it, however often it is asked. A person has to decide. */
export type RefundObstacle =
  /** Less than this is left of the charge: somebody has given money back by hand. */
  | 'nothing_left'
  /** There is one that carries our id, over another amount. */
  | 'another_amount'
  /** It was made and came back, as of an account that is closed. */
  | 'failed_at_provider'
