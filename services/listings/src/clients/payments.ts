import type { TakePaymentRequest } from '@nightshift/contracts/payments-http'
import { PaymentResponse } from '@nightshift/contracts/payments-http'
import { policyHeader, type toldRate } from '@nightshift/patterns/load-shedding/told-rate'
import type { OutboundCall } from '@nightshift/patterns/outbound-call/outbound-call'
import type { HttpAnswer, HttpClient } from '@nightshift/patterns/unknown-outcome/http-client'
import { tenantHeader } from '@nightshift/runtime/http/api-keys'
import { retryAfterMs } from '@nightshift/runtime/http/retry-after'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import type { Priority } from '@nightshift/runtime/process/priority'
import Value from 'typebox/value'
import { crashpoint } from '../crash-points.ts'
import type { PayOutcome, Publication } from '../domain/publication.ts'
import { limits } from '../limits.ts'

const { retryAfterCapMs } = limits.payments

/** @param priority of the request that it is done for */
export type Pay = (
  publication: Publication,
  deadline: Deadline,
  priority: Priority,
) => Promise<PayOutcome>

export type PaymentsConnection = {
  http: HttpClient
  serviceKey: string
  /** Hears how much payments takes. */
  admission: Pick<ReturnType<typeof toldRate>, 'hear'>
}

/**
 * Asks the payments service to take the payment of a publication. The idempotency key is derived
 * from the publication, so every repetition is for the same payment, even after a crash.
 */
export function payForPublication(
  { http, serviceKey, admission }: PaymentsConnection,
  call: OutboundCall,
): Pay {
  return (publication, deadline, priority) =>
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
          ...priority,
        },
        body: JSON.stringify(requestOf(publication)),
        deadline: perTry,
      })
      await crashpoint('pay.answered')
      if (answer.kind !== 'answer') return answer
      admission.hear(answer.headers[policyHeader])
      return outcomeOf(answer)
    })
}

function requestOf(publication: Publication): TakePaymentRequest {
  const { listingId, publicationId, amountCents, currency, cardToken } = publication
  return { listingId, publicationId, amountCents, currency, cardToken: cardToken ?? '' }
}

/**
 * The outcome, read from an answer of payments. An unreadable answer proves nothing, like no
 * answer.
 */
function outcomeOf(answer: Extract<HttpAnswer, { kind: 'answer' }>): PayOutcome {
  const { status } = answer
  if (status === 201 || status === 202) {
    const payment = parse(answer.body)
    const { paymentId, status: paymentStatus } = payment ?? {}
    // A payment with automatic capture has no other state at this point.
    if (!paymentId || (paymentStatus !== 'captured' && paymentStatus !== 'pending')) {
      return unknown('the answer of payments is unreadable')
    }
    return { kind: 'ok', value: { paymentId, status: paymentStatus } }
  }
  if (status === 402) return { kind: 'rejected', reason: 'declined' }
  if (status === 409) return unknown('payments is still working on the payment')
  if (status === 429 || isOverloaded(answer)) {
    const header = answer.headers['retry-after']
    const waitMs = retryAfterMs(header, Date.now(), retryAfterCapMs)
    // The client is told to come back. If this layer came back too, the refusals would multiply.
    return { kind: 'shed', retryAfterMs: waitMs, doNotRetry: true }
  }
  if (status >= 500) return unknown(`payments answered ${status}`)
  return { kind: 'bug', cause: new Error(`payments answered ${status}`) }
}

/** Only this 503 says that nothing was begun. Others leave it open: a COMMIT may have worked. */
function isOverloaded({ status, body }: Extract<HttpAnswer, { kind: 'answer' }>): boolean {
  return status === 503 && (parseJson(body) as { type?: unknown })?.type === '/problems/overloaded'
}

function unknown(message: string): PayOutcome {
  return { kind: 'unknown', cause: new Error(message) }
}

function parse(body: string): PaymentResponse | undefined {
  const value = parseJson(body)
  return Value.Check(PaymentResponse, value) ? value : undefined
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined // the caller treats it like no answer
  }
}
