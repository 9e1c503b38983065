import type { DeclineReason } from '@nightshift/contracts/payments-http'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import type { Charged, Payment } from '../domain/payment.ts'
import type { TakePaymentDeps } from '../flows/take-payment.ts'
import { chargeOutcome, feePath } from './intent-outcome.ts'
import { type Found, lookUp } from './look-up.ts'
import { get, misused, type ProviderConnection } from './provider-api.ts'

/** Looks for what became of a payment by our own id, which every intent of ours carries. */
export function lookUpCharge(
  provider: ProviderConnection,
  { paymentId, amountCents }: Payment,
  deadline: Deadline,
): Promise<Found<Charged, DeclineReason>> {
  return lookUp<Charged, DeclineReason>(provider, deadline, async perTry => {
    const said = await get(provider, perTry, '/v1/payment_intents/search', {
      query: `metadata['payment_id']:'${paymentId}'`,
      'expand[0]': `data.${feePath}`,
    })
    if (said.kind !== 'said') return said
    const { data } = said.body
    if (said.status !== 200 || data === undefined) return misused(said)
    const by = (wanted: string) => data.find(({ status }) => status === wanted)
    const body = by('succeeded') ?? by('requires_capture') ?? data[0]
    return body === undefined ? { kind: 'absent' } : chargeOutcome({ ...said, body }, amountCents)
  })
}

/**
 * A variant of what to conclude from a lost answer: look at the provider whether there is a charge
 * for the payment, and call it declined if there is none. But "not found" says that it has not
 * happened yet. A request that is on its way, or waits there in a queue, is found by nobody.
 */
export function orLookUp(
  charge: TakePaymentDeps['charge'],
  provider: ProviderConnection,
): TakePaymentDeps['charge'] {
  return async (payment, deadline) => {
    const outcome = await charge(payment, deadline)
    if (outcome.kind !== 'unknown') return outcome
    const found = await lookUpCharge(provider, payment, deadline)
    return found.kind === 'absent' ? { kind: 'rejected', reason: 'card_declined' } : found
  }
}
