import { finality } from '@nightshift/contracts/payment-finality'
import type { PaymentResponse } from '@nightshift/contracts/payments-http'
import type { StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import { problemMediaType, problemOf } from '@nightshift/runtime/http/problem'
import type { Payment } from './payment.ts'

export function paymentResponse(payment: Payment): PaymentResponse {
  const { paymentId, status, listingId, publicationId, amountCents, currency } = payment
  const { taxCents, refundedCents } = payment
  return {
    paymentId,
    status,
    listingId,
    publicationId,
    amountCents,
    taxCents,
    refundedCents,
    currency,
    ...(payment.declineReason === null ? {} : { declineReason: payment.declineReason }),
    createdAt: payment.createdAt.toISOString(),
  }
}

/**
 * The HTTP answer about a payment. The request, a replay, and the reconciler must all produce the
 * same bytes. So the answer depends on the payment alone.
 */
export function paymentAnswer(payment: Payment): StoredAnswer {
  const location = `/v1/payments/${payment.paymentId}`
  const status = finality[payment.status].answer
  if (payment.declineReason !== null) {
    const refusal = {
      status,
      slug: 'card-declined',
      title: 'The card was declined',
      detail: `Nothing was charged (${payment.declineReason}). Another card needs another key.`,
      members: { paymentId: payment.paymentId },
    }
    return {
      status,
      headers: { 'content-type': problemMediaType },
      body: JSON.stringify(problemOf(refusal, location)),
    }
  }
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', location },
    body: JSON.stringify(paymentResponse(payment)),
  }
}
