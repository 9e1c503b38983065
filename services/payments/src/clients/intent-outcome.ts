import type { DeclineReason } from '@nightshift/contracts/payments-http'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import type { Outcome } from '@nightshift/runtime/process/outcome'
import type { Charged, Settlement } from '../domain/payment.ts'
import {
  type Answer,
  get,
  type ProviderConnection,
  type ProviderError,
  type ProviderObject,
  unexpected,
  unknown,
} from './provider-api.ts'

export type ChargeOutcome = Outcome<Charged, DeclineReason>

/** The provider includes its fee only if it is asked to expand this path. */
export const feePath = 'latest_charge.balance_transaction'

/** The intent as it is now, with the provider's fee. */
export function readIntent(provider: ProviderConnection, id: string, deadline: Deadline) {
  return get(provider, deadline, `/v1/payment_intents/${id}`, { 'expand[0]': feePath })
}

/** Adds the fee to an answer about a capture, if it is missing and the provider knows it by now. */
export async function withFee(
  provider: ProviderConnection,
  answer: Answer,
  deadline: Deadline,
): Promise<Answer> {
  const { id, status } = answer.body
  if (id === undefined || status !== 'succeeded' || feeOf(answer.body) !== undefined) return answer
  const now = await readIntent(provider, id, deadline)
  return now.kind === 'answered' && now.status === 200 ? now : answer
}

/** The outcome of a charge, read from its intent. */
export function chargeOutcome(answer: Answer, amountCents: number): ChargeOutcome {
  const { id, status, last_payment_error: error } = answer.body
  if (id === undefined) return unexpected(answer)
  if (status === 'succeeded') return capturedOutcome(answer.body, id, amountCents)
  if (status === 'requires_capture') {
    return { kind: 'ok', value: { kind: 'authorized', providerPaymentId: id } }
  }
  // The authorization ended before we knew of it.
  if (status === 'canceled') return { kind: 'rejected', reason: 'expired' }
  if (status === 'requires_payment_method' && error) {
    return { kind: 'rejected', reason: declineReason(error) }
  }
  return unexpected(answer)
}

/** A capture is accepted only with the whole amount and a known fee: the ledger never guesses. */
export function capturedOutcome(
  intent: ProviderObject,
  providerPaymentId: string,
  amountCents: number,
): Outcome<Extract<Settlement, { kind: 'captured' }>> {
  const { amount_received: receivedCents = amountCents } = intent
  if (receivedCents !== amountCents) {
    const cause = new Error(`the provider captured ${receivedCents} of ${amountCents}`)
    return { kind: 'bug', cause }
  }
  const feeCents = feeOf(intent)
  if (feeCents === undefined) return unknown('the provider has not named its fee yet')
  return { kind: 'ok', value: { kind: 'captured', providerPaymentId, feeCents } }
}

export function declineReason(error: ProviderError): DeclineReason {
  return error.decline_code === 'insufficient_funds' ? 'insufficient_funds' : 'card_declined'
}

function feeOf({ latest_charge: charge }: ProviderObject): number | undefined {
  const transaction = typeof charge === 'object' ? charge?.balance_transaction : undefined
  return typeof transaction === 'object' ? transaction?.fee : undefined
}
