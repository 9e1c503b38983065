import type { Deadline } from '@nightshift/runtime/deadline'
import type { ChargeOutcome, Payment } from '../domain/payment.ts'
import type { TakePaymentDeps } from '../flows/take-payment.ts'
import { type ProviderConnection, readAnswer, succeeded } from './card-provider.ts'

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
    return outcome.kind === 'unknown' ? lookUp(provider, payment, deadline) : outcome
  }
}

function lookUp(
  { call, http, secretKey }: ProviderConnection,
  { paymentId }: Payment,
  deadline: Deadline,
): Promise<ChargeOutcome> {
  return call('card-provider look-up', deadline, async (perTry): Promise<ChargeOutcome> => {
    const query = new URLSearchParams({
      'metadata[payment_id]': paymentId,
      'expand[0]': 'data.latest_charge.balance_transaction',
    })
    const answer = await http.call({
      method: 'GET',
      path: `/v1/payment_intents?${query}`,
      headers: { authorization: `Bearer ${secretKey}` },
      deadline: perTry,
    })
    if (answer.kind !== 'answer') return answer
    const { outcome, body } = readAnswer(answer)
    if (outcome) return outcome
    const charged = body?.data?.find(({ status }) => status === 'succeeded')
    return charged?.id === undefined
      ? { kind: 'rejected', reason: 'card_declined' }
      : succeeded(charged, charged.id)
  })
}
