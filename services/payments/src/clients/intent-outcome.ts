import type { DeclineReason } from '@nightshift/contracts/payments-http'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import type { Outcome } from '@nightshift/runtime/process/outcome'
import type { ChargeOutcome, Settlement } from '../domain/payment.ts'
import {
  get,
  misused,
  type ProviderConnection,
  type ProviderError,
  type ProviderObject,
  type Said,
  unknown,
} from './provider-api.ts'

/** The provider tells what it keeps only if it is asked to. */
export const feePath = 'latest_charge.balance_transaction'

/** The intent as it is now, with what the provider keeps. */
export function readIntent(provider: ProviderConnection, id: string, deadline: Deadline) {
  return get(provider, deadline, `/v1/payment_intents/${id}`, { 'expand[0]': feePath })
}

/** The same answer with the fee in it, where that is missing and the provider knows it by now. */
export async function withFee(
  provider: ProviderConnection,
  said: Said,
  deadline: Deadline,
): Promise<Said> {
  const { id, status } = said.body
  if (id === undefined || status !== 'succeeded' || feeOf(said.body) !== undefined) return said
  const now = await readIntent(provider, id, deadline)
  return now.kind === 'said' && now.status === 200 ? now : said
}

/** What an intent says about the payment that it was made for. */
export function chargeOutcome(said: Said, amountCents: number): ChargeOutcome {
  const { id, status, last_payment_error: error } = said.body
  if (id === undefined) return misused(said)
  if (status === 'succeeded') return capturedOutcome(said.body, id, amountCents)
  if (status === 'requires_capture') {
    return { kind: 'ok', value: { kind: 'authorized', providerPaymentId: id } }
  }
  // A hold that was let go before we heard of it.
  if (status === 'canceled') return { kind: 'rejected', reason: 'expired' }
  if (status === 'requires_payment_method' && error) {
    return { kind: 'rejected', reason: declineReason(error) }
  }
  return misused(said)
}

/** Money that was taken, if it was all of it and the fee is said: the ledger has no made-up figures. */
export function capturedOutcome(
  intent: ProviderObject,
  providerPaymentId: string,
  amountCents: number,
): Outcome<Extract<Settlement, { kind: 'captured' }>> {
  const { amount_received: receivedCents = amountCents } = intent
  if (receivedCents !== amountCents) {
    const cause = new Error(`the provider took ${receivedCents} of ${amountCents}`)
    return { kind: 'bug', cause }
  }
  const feeCents = feeOf(intent)
  if (feeCents === undefined) return unknown('the provider has not said yet what it keeps')
  return { kind: 'ok', value: { kind: 'captured', providerPaymentId, feeCents } }
}

export function declineReason(error: ProviderError): DeclineReason {
  return error.decline_code === 'insufficient_funds' ? 'insufficient_funds' : 'card_declined'
}

function feeOf({ latest_charge: charge }: ProviderObject): number | undefined {
  const transaction = typeof charge === 'object' ? charge?.balance_transaction : undefined
  return typeof transaction === 'object' ? transaction?.fee : undefined
}
