import type { DeclineReason } from '@nightshift/contracts/payments-http'
import type { CallDependency } from '@nightshift/runtime/call-dependency'
import { crashpoint } from '@nightshift/runtime/crashpoint'
import type { HttpAnswer, HttpClient } from '@nightshift/runtime/http-client'
import type { ChargeOutcome, Payment } from '../domain/payment.ts'
import type { TakePaymentDeps } from '../flows/take-payment.ts'

type Intent = { id: string; status: string }
type ProviderError = { type?: string; code?: string; decline_code?: string; param?: string }

/**
 * Charges a card at the provider (Stripe's payment intents, created and confirmed in one call).
 * The provider's idempotency key is derived from our payment: whoever asks again, after whatever
 * happened here, asks for the same charge.
 */
export function chargeCard(
  call: CallDependency,
  http: HttpClient,
  secretKey: string,
): TakePaymentDeps['charge'] {
  return (payment, deadline) =>
    call('card-provider charge', deadline, async (perTry): Promise<ChargeOutcome> => {
      await crashpoint('charge.begin')
      const answer = await http.call({
        method: 'POST',
        path: '/v1/payment_intents',
        headers: {
          authorization: `Bearer ${secretKey}`,
          'content-type': 'application/x-www-form-urlencoded',
          'idempotency-key': `payment-${payment.paymentId}`,
        },
        body: formOf(payment),
        deadline: perTry,
      })
      await crashpoint('charge.answered')
      return answer.kind === 'answer' ? outcomeOf(answer) : answer
    })
}

function formOf(payment: Payment): string {
  return new URLSearchParams({
    amount: String(payment.amountCents),
    currency: payment.currency.toLowerCase(),
    payment_method: payment.cardToken ?? '',
    confirm: 'true',
    'metadata[payment_id]': payment.paymentId,
    'metadata[publication_id]': payment.publicationId,
    'metadata[tenant_id]': payment.tenantId,
  }).toString()
}

/** What the provider's answer means. An answer that we can't read is no answer. */
function outcomeOf(answer: Extract<HttpAnswer, { kind: 'answer' }>): ChargeOutcome {
  const { status } = answer
  const body = parse(answer.body)
  if (status >= 500 || body === undefined) return unknown(`the provider answered ${status}`)
  if (status === 429) {
    return { kind: 'shed', retryAfterMs: 1_000 * (Number(answer.headers['retry-after']) || 1) }
  }
  const error = body.error
  if (status === 200 && body.id && body.status === 'succeeded') {
    return { kind: 'ok', value: { providerPaymentId: body.id, isHeld: false, feeCents: 0 } }
  }
  if (status === 200 && body.id && body.status === 'requires_capture') {
    return { kind: 'ok', value: { providerPaymentId: body.id, isHeld: true, feeCents: 0 } }
  }
  // Somebody is asking under this key right now: we, a moment ago.
  if (status === 409) return unknown('the provider is still working on it')
  if (status === 402 && error?.type === 'card_error') {
    return { kind: 'rejected', reason: declineReason(error) }
  }
  if (status === 400 && error?.code === 'resource_missing' && error.param === 'payment_method') {
    return { kind: 'rejected', reason: 'invalid_card' }
  }
  return { kind: 'bug', cause: new Error(`the provider answered ${status} ${error?.code ?? ''}`) }
}

function declineReason(error: ProviderError): DeclineReason {
  return error.decline_code === 'insufficient_funds' ? 'insufficient_funds' : 'card_declined'
}

function unknown(message: string): ChargeOutcome {
  return { kind: 'unknown', cause: new Error(message) }
}

function parse(body: string): (Partial<Intent> & { error?: ProviderError }) | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined // said by the return type: the answer can't be read
  }
}
