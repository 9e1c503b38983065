import type { Deadline } from '@nightshift/runtime/process/deadline'
import { crashpoint } from '../crash-points.ts'
import type { Refund } from '../domain/refund.ts'
import type { FinishRefundDeps, RefundOutcome } from '../flows/refund-payment.ts'
import {
  get,
  misused,
  type ProviderConnection,
  type ProviderObject,
  post,
  type Said,
} from './provider-api.ts'

/** Gives money back. The key is derived from our refund, so that it is given back once. */
export function refundAtProvider(provider: ProviderConnection): FinishRefundDeps['giveBack'] {
  return (refund, deadline) =>
    provider.call('card-provider refund', deadline, async (perTry): Promise<RefundOutcome> => {
      await crashpoint('refund.begin')
      const said = await post(provider, perTry, {
        path: '/v1/refunds',
        key: `refund-${refund.refundId}`,
        form: formOf(refund),
      })
      await crashpoint('refund.answered')
      if (said.kind !== 'said') return said
      if (said.status !== 200) return refusalOf(said)
      const now = await asItIsNow(provider, said, perTry)
      return refundOutcome(now.body, refund) ?? misused(now)
    })
}

/** What a refund of the provider says about ours. Undefined: nothing that we know. */
export function refundOutcome(body: ProviderObject, refund: Refund): RefundOutcome | undefined {
  const { id, status, amount = refund.amountCents } = body
  if (id === undefined) return undefined
  if (amount !== refund.amountCents) return { kind: 'rejected', reason: 'another_amount' }
  switch (status) {
    case 'succeeded':
      return { kind: 'ok', value: { kind: 'made', providerRefundId: id } }
    case 'pending':
    case 'requires_action':
      return { kind: 'ok', value: { kind: 'pending' } }
    case 'failed':
    case 'canceled':
      return { kind: 'rejected', reason: 'failed_at_provider' }
    default:
      return undefined
  }
}

/** Under our key the first answer comes again: a refund that was pending then would be for ever. */
async function asItIsNow(provider: ProviderConnection, said: Said, deadline: Deadline) {
  const { id, status } = said.body
  if (id === undefined || status === 'succeeded') return said
  const now = await get(provider, deadline, `/v1/refunds/${id}`, {})
  return now.kind === 'said' && now.status === 200 ? now : said
}

function formOf(refund: Refund): Record<string, string> {
  return {
    payment_intent: refund.providerPaymentId,
    amount: String(refund.amountCents),
    'metadata[refund_id]': refund.refundId,
    'metadata[payment_id]': refund.paymentId,
    'metadata[tenant_id]': refund.tenantId,
  }
}

function refusalOf(said: Said): RefundOutcome {
  const { error = {} } = said.body
  // Of an amount that is too large, Stripe names the parameter and not always a code.
  const isTooMuch = error.code === 'charge_already_refunded' || error.param === 'amount'
  if (said.status !== 400 || !isTooMuch) return misused(said)
  return { kind: 'rejected', reason: 'nothing_left' }
}
