import type { TakePaymentRequest } from '@nightshift/contracts/payments-http'
import { PaymentResponse } from '@nightshift/contracts/payments-http'
import type { OutboundCall } from '@nightshift/patterns/circuit-breaker/outbound-call'
import { tenantHeader } from '@nightshift/runtime/http/api-keys'
import type { HttpAnswer, HttpClient } from '@nightshift/runtime/http/client'
import { retryAfterMs } from '@nightshift/runtime/http/retry-after'
import Value from 'typebox/value'
import { crashpoint } from '../crash-points.ts'
import type { PayOutcome, Publication } from '../domain/publication.ts'
import type { PublishListingDeps } from '../flows/publish-listing.ts'
import { limits } from '../limits.ts'

const { retryAfterCapMs } = limits.payments

/**
 * Asks the payments service for the payment of a publication. Its idempotency key is derived from
 * the publication: whoever asks again, after whatever happened here, asks for the same payment.
 */
export function payForPublication(
  call: OutboundCall,
  http: HttpClient,
  serviceKey: string,
): PublishListingDeps['pay'] {
  return (publication, deadline) =>
    call('payments take payment', deadline, async (perTry): Promise<PayOutcome> => {
      await crashpoint('pay.begin')
      const answer = await http.call({
        method: 'POST',
        path: '/v1/payments',
        headers: {
          authorization: `Bearer ${serviceKey}`,
          [tenantHeader]: publication.tenantId,
          'content-type': 'application/json',
          'idempotency-key': `publication-${publication.publicationId}`,
        },
        body: JSON.stringify(requestOf(publication)),
        deadline: perTry,
      })
      await crashpoint('pay.answered')
      return answer.kind === 'answer' ? outcomeOf(answer) : answer
    })
}

function requestOf(publication: Publication): TakePaymentRequest {
  const { listingId, publicationId, amountCents, currency, cardToken } = publication
  return { listingId, publicationId, amountCents, currency, cardToken: cardToken ?? '' }
}

/** What the answer of payments means. An answer that we can't read is no answer. */
function outcomeOf(answer: Extract<HttpAnswer, { kind: 'answer' }>): PayOutcome {
  const { status } = answer
  if (status === 201 || status === 202) {
    const payment = parse(answer.body)
    const { paymentId, status: paymentStatus } = payment ?? {}
    // Nothing else can come of a payment that is captured by itself.
    if (!paymentId || (paymentStatus !== 'captured' && paymentStatus !== 'pending')) {
      return unknown('payments can not be understood')
    }
    return { kind: 'ok', value: { paymentId, status: paymentStatus } }
  }
  if (status === 402) return { kind: 'rejected', reason: 'declined' }
  if (status === 409) return unknown('payments is still working on it')
  if (status === 429 || status === 503) {
    const header = answer.headers['retry-after']
    return { kind: 'shed', retryAfterMs: retryAfterMs(header, Date.now(), retryAfterCapMs) }
  }
  if (status >= 500) return unknown(`payments answered ${status}`)
  return { kind: 'bug', cause: new Error(`payments answered ${status}`) }
}

function unknown(message: string): PayOutcome {
  return { kind: 'unknown', cause: new Error(message) }
}

function parse(body: string): PaymentResponse | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return Value.Check(PaymentResponse, value) ? value : undefined
  } catch {
    return undefined // said by the return type: the answer can't be read
  }
}
