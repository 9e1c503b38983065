import type { DeclineReason } from '@nightshift/contracts/payments-http'
import type { CallDependency } from '@nightshift/runtime/call-dependency'
import { crashpoint } from '@nightshift/runtime/crashpoint'
import type { Deadline } from '@nightshift/runtime/deadline'
import type { HttpAnswer, HttpClient } from '@nightshift/runtime/http-client'
import type { Outcome } from '@nightshift/runtime/outcome'
import type { Charged, ChargeOutcome, Payment } from '../domain/payment.ts'
import type { Refund } from '../domain/refund.ts'
import type { FinishHoldDeps } from '../flows/finish-hold.ts'
import type { FinishRefundDeps } from '../flows/refund-payment.ts'
import type { TakePaymentDeps } from '../flows/take-payment.ts'

/** Stripe's payment intents, as far as we rely on them. */
type Intent = { id: string; status: string; latest_charge?: Charge | string | null }
type Charge = { balance_transaction?: { fee?: number } | string | null }
type ProviderError = { type?: string; code?: string; decline_code?: string; param?: string }
type Body = Partial<Intent> & { data?: Partial<Intent>[]; error?: ProviderError }

export type ProviderConnection = {
  call: CallDependency
  http: HttpClient
  secretKey: string
}

/** The provider tells what it keeps only if it is asked to. */
const withFee = 'latest_charge.balance_transaction'

/**
 * Charges a card at the provider, or holds the money (created and confirmed in one call). The
 * provider's idempotency key is derived from our payment: whoever asks again, after whatever happened
 * here, asks for the same charge.
 */
export function chargeCard(provider: ProviderConnection): TakePaymentDeps['charge'] {
  return (payment, deadline) =>
    provider.call('card-provider charge', deadline, async (perTry): Promise<ChargeOutcome> => {
      await crashpoint('charge.begin')
      const answer = await post(provider, perTry, {
        path: '/v1/payment_intents',
        key: `payment-${payment.paymentId}`,
        form: formOf(payment),
      })
      await crashpoint('charge.answered')
      return answer.kind === 'answer' ? chargeOutcome(answer) : answer
    })
}

/** Takes or lets go what is held. Done already counts as done: both are the same thing done once. */
export function finishHoldAtProvider(provider: ProviderConnection): FinishHoldDeps['carryOut'] {
  return (payment, wanted, deadline) =>
    provider.call(
      `card-provider ${wanted}`,
      deadline,
      async (perTry): Promise<Outcome<Charged>> => {
        const verb = wanted === 'capture' ? 'capture' : 'cancel'
        const form: Record<string, string> = wanted === 'capture' ? { 'expand[0]': withFee } : {}
        const answer = await post(provider, perTry, {
          path: `/v1/payment_intents/${payment.providerPaymentId}/${verb}`,
          key: `${verb}-${payment.paymentId}`,
          form,
        })
        if (answer.kind !== 'answer') return answer
        const { outcome, body } = readAnswer(answer)
        const isDone = body?.status === (wanted === 'capture' ? 'succeeded' : 'canceled')
        return outcome ?? (isDone && body?.id ? succeeded(body, body.id) : misused(answer, body))
      },
    )
}

/** Gives money back. The key is derived from our refund, so that it is given back once. */
export function refundAtProvider(provider: ProviderConnection): FinishRefundDeps['giveBack'] {
  return (refund: Refund, deadline: Deadline) =>
    provider.call('card-provider refund', deadline, async perTry => {
      await crashpoint('refund.begin')
      const answer = await post(provider, perTry, {
        path: '/v1/refunds',
        key: `refund-${refund.refundId}`,
        form: {
          payment_intent: refund.providerPaymentId,
          amount: String(refund.amountCents),
          'metadata[refund_id]': refund.refundId,
          'metadata[payment_id]': refund.paymentId,
          'metadata[tenant_id]': refund.tenantId,
        },
      })
      await crashpoint('refund.answered')
      if (answer.kind !== 'answer') return answer
      const { outcome, body } = readAnswer(answer)
      if (outcome) return outcome
      return body?.id && body.status === 'succeeded'
        ? { kind: 'ok', value: { providerRefundId: body.id } }
        : misused(answer, body)
    })
}

function post(
  { http, secretKey }: ProviderConnection,
  deadline: Deadline,
  asked: { path: string; key: string; form: Record<string, string> },
): Promise<HttpAnswer> {
  return http.call({
    method: 'POST',
    path: asked.path,
    headers: {
      authorization: `Bearer ${secretKey}`,
      'content-type': 'application/x-www-form-urlencoded',
      'idempotency-key': asked.key,
    },
    body: new URLSearchParams(asked.form).toString(),
    deadline,
  })
}

function formOf(payment: Payment): Record<string, string> {
  return {
    amount: String(payment.amountCents),
    currency: payment.currency.toLowerCase(),
    payment_method: payment.cardToken ?? '',
    confirm: 'true',
    ...(payment.captureMethod === 'manual' ? { capture_method: 'manual' } : {}),
    'metadata[payment_id]': payment.paymentId,
    'metadata[publication_id]': payment.publicationId,
    'metadata[tenant_id]': payment.tenantId,
    'expand[0]': withFee,
  }
}

type Answer = Extract<HttpAnswer, { kind: 'answer' }>
type Undecided = Extract<Outcome<never>, { kind: 'unknown' | 'shed' }>

/** What is the same for every question: an answer that we can't read is no answer. */
export function readAnswer(answer: Answer): { outcome?: Undecided; body?: Body } {
  const { status } = answer
  const body = parse(answer.body)
  if (status >= 500 || body === undefined) {
    return { outcome: unknown(`the provider answered ${status}`) }
  }
  if (status === 429) {
    const retryAfterMs = 1_000 * (Number(answer.headers['retry-after']) || 1)
    return { outcome: { kind: 'shed', retryAfterMs } }
  }
  // Somebody is asking under this key right now: we, a moment ago.
  if (status === 409) return { outcome: unknown('the provider is still working on it') }
  return { body }
}

function chargeOutcome(answer: Answer): ChargeOutcome {
  const { outcome, body } = readAnswer(answer)
  if (outcome || body === undefined) return outcome ?? unknown('no answer')
  const { status } = answer
  const error = body.error
  if (status === 200 && body.id && isCharged(body.status)) return succeeded(body, body.id)
  if (status === 402 && error?.type === 'card_error') {
    return { kind: 'rejected', reason: declineReason(error) }
  }
  if (status === 400 && error?.code === 'resource_missing' && error.param === 'payment_method') {
    return { kind: 'rejected', reason: 'invalid_card' }
  }
  return misused(answer, body)
}

function isCharged(status: string | undefined): boolean {
  return status === 'succeeded' || status === 'requires_capture'
}

/** An intent that is as it was asked for, with what the provider keeps of it. */
export function succeeded(
  intent: Partial<Intent>,
  providerPaymentId: string,
): { kind: 'ok'; value: Charged } {
  const isHeld = intent.status === 'requires_capture'
  const charge = typeof intent.latest_charge === 'object' ? intent.latest_charge : null
  const transaction = charge?.balance_transaction
  const fee = typeof transaction === 'object' ? transaction?.fee : undefined
  return { kind: 'ok', value: { providerPaymentId, isHeld, feeCents: fee ?? 0 } }
}

function declineReason(error: ProviderError): DeclineReason {
  return error.decline_code === 'insufficient_funds' ? 'insufficient_funds' : 'card_declined'
}

function unknown(message: string): Undecided {
  return { kind: 'unknown', cause: new Error(message) }
}

function misused({ status }: Answer, body: Body | undefined): { kind: 'bug'; cause: Error } {
  const cause = new Error(`the provider answered ${status} ${body?.error?.code ?? ''}`)
  return { kind: 'bug', cause }
}

function parse(body: string): Body | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined // said by the return type: the answer can't be read
  }
}
