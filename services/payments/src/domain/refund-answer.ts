import type { RefundResponse } from '@nightshift/contracts/payments-http'
import type { StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Refund } from './refund.ts'

export function refundResponse(refund: Refund): RefundResponse {
  const { refundId, paymentId, status, amountCents, currency, reason, createdAt } = refund
  const money = { amountCents, currency }
  return { refundId, paymentId, status, ...money, reason, createdAt: createdAt.toISOString() }
}

/** The HTTP answer about a refund. It is the same for the request, a replay, and the job. */
export function refundAnswer(refund: Refund): StoredAnswer {
  return {
    status: refund.status === 'succeeded' ? 201 : 202,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      location: `/v1/payments/${refund.paymentId}/refunds`,
    },
    body: JSON.stringify(refundResponse(refund)),
  }
}
