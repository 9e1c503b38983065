import type { RetryMode } from '@nightshift/patterns/unknown-outcome/retry-mode'
import type { FinishRefundDeps } from '../flows/refund-payment.ts'
import { lookUpRefund } from './look-up-refund.ts'
import { type ProviderConnection, unknown } from './provider-api.ts'

/**
 * Asks for a refund under its key while the provider remembers that, and from then on only if nobody
 * finds it there. It is sent again then, however old it is, because it is owed. Sent twice in a row
 * it is still made once: the first of the two has renewed what the provider knows of the key.
 * @param giveBack asks under the key
 * @param retryModeOf about what was begun then
 */
export function refundIdempotently(
  giveBack: FinishRefundDeps['giveBack'],
  provider: ProviderConnection,
  retryModeOf: (begunAt: Date) => RetryMode,
): FinishRefundDeps['giveBack'] {
  return async (refund, deadline) => {
    const way = retryModeOf(refund.createdAt)
    if (way !== 'same_key') {
      const found = await lookUpRefund(provider, refund, deadline)
      if (found.kind !== 'absent') return found
      if (way === 'look_up') return unknown('nobody finds it yet')
    }
    const outcome = await giveBack(refund, deadline)
    // As of a charge: a 500 may be a stored one. And what is not left may have been given to us.
    const isLookedFor =
      outcome.kind === 'rejected' || (outcome.kind === 'unknown' && refund.attempt > 1)
    if (!isLookedFor) return outcome
    const found = await lookUpRefund(provider, refund, deadline)
    return found.kind === 'absent' ? outcome : found
  }
}
