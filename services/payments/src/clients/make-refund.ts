import type { RetryMode } from '@nightshift/patterns/unknown-outcome/retry-mode'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { crashpoint } from '../crash-points.ts'
import type { Refund } from '../domain/refund.ts'
import { lookUpRefund } from './look-up-refund.ts'
import {
  type Answer,
  get,
  type ProviderConnection,
  post,
  unexpected,
  unknown,
} from './provider-api.ts'
import { type RefundOutcome, refundOutcome } from './refund-outcome.ts'

export type MakeRefund = (refund: Refund, deadline: Deadline) => Promise<RefundOutcome>

/**
 * Refunds a charge at the provider. It may be called many times for one refund:
 * - While the provider remembers the key, the same request is sent under the same key.
 * - Later this function searches for the refund first, and sends the request only if there is none.
 *   The provider remembers the key of that request again, so two such requests make one refund.
 * @param retryModeOf how to ask about a refund of this age
 */
export function makeRefundIdempotently(
  provider: ProviderConnection,
  retryModeOf: (createdAt: Date) => RetryMode,
): MakeRefund {
  return async (refund, deadline) => {
    const mode = retryModeOf(refund.createdAt)
    if (mode !== 'same_key') {
      const found = await lookUpRefund(provider, refund, deadline)
      if (found.kind !== 'absent' || mode === 'look_up') {
        provider.noteQuotaUnused()
        return found.kind === 'absent' ? unknown('the search does not find the refund yet') : found
      }
    }
    const outcome = await createRefund(provider, refund, deadline)
    // The provider may be repeating a stored 500, as for charges. And "nothing left" may mean that
    // this very refund has succeeded before.
    const mayExist =
      outcome.kind === 'rejected' || (outcome.kind === 'unknown' && refund.attempt > 1)
    if (!mayExist) return outcome
    const found = await lookUpRefund(provider, refund, deadline)
    return found.kind === 'absent' ? outcome : found
  }
}

function createRefund(
  provider: ProviderConnection,
  refund: Refund,
  deadline: Deadline,
): Promise<RefundOutcome> {
  return provider.call('card-provider refund', deadline, async (perTry): Promise<RefundOutcome> => {
    await crashpoint('refund.begin')
    const answer = await post(provider, perTry, {
      path: '/v1/refunds',
      key: `refund-${refund.refundId}`,
      form: formOf(refund),
    })
    await crashpoint('refund.answered')
    if (answer.kind !== 'answered') return answer
    if (answer.status !== 200) return refusalOf(answer)
    const now = await readCurrent(provider, answer, perTry)
    return refundOutcome(now.body, refund) ?? unexpected(now)
  })
}

/**
 * The refund as it is now. Under our key the provider repeats its first answer, with the old
 * status.
 */
async function readCurrent(
  provider: ProviderConnection,
  answer: Answer,
  deadline: Deadline,
): Promise<Answer> {
  const { id, status } = answer.body
  if (id === undefined || status === 'succeeded') return answer
  const now = await get(provider, deadline, `/v1/refunds/${id}`, {})
  return now.kind === 'answered' && now.status === 200 ? now : answer
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

function refusalOf(answer: Answer): RefundOutcome {
  const { error = {} } = answer.body
  // For an amount that is too large, Stripe names the parameter, but not always a code.
  const isTooMuch = error.code === 'charge_already_refunded' || error.param === 'amount'
  if (answer.status !== 400 || !isTooMuch) return unexpected(answer)
  return { kind: 'rejected', reason: 'nothing_left' }
}
