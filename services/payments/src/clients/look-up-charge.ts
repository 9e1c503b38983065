import type { DeclineReason } from '@nightshift/contracts/payments-http'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import type { Charged, Payment } from '../domain/payment.ts'
import { chargeOutcome, feePath } from './intent-outcome.ts'
import { type Found, lookUp } from './look-up.ts'
import { get, type ProviderConnection, unexpected } from './provider-api.ts'

/** Searches for the charge of a payment by our own id, which every intent has in its metadata. */
export function lookUpCharge(
  provider: ProviderConnection,
  { paymentId, amountCents }: Payment,
  deadline: Deadline,
): Promise<Found<Charged, DeclineReason>> {
  return lookUp<Charged, DeclineReason>(provider, deadline, async perTry => {
    const answer = await get(provider, perTry, '/v1/payment_intents/search', {
      query: `metadata['payment_id']:'${paymentId}'`,
      'expand[0]': `data.${feePath}`,
    })
    if (answer.kind !== 'answered') return answer
    const { data } = answer.body
    if (answer.status !== 200 || data === undefined) return unexpected(answer)
    const withStatus = (name: string) => data.find(({ status }) => status === name)
    const body = withStatus('succeeded') ?? withStatus('requires_capture') ?? data[0]
    return body === undefined ? { kind: 'absent' } : chargeOutcome({ ...answer, body }, amountCents)
  })
}
