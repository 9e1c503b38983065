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
