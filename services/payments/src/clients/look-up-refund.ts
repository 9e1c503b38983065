import type { Deadline } from '@nightshift/runtime/process/deadline'
import type { Refund, RefundAtProvider, RefundObstacle } from '../domain/refund.ts'
import { type Found, lookUp } from './look-up.ts'
import { get, type ProviderConnection, type ProviderObject, unexpected } from './provider-api.ts'
import { refundOutcome } from './refund-outcome.ts'

type FoundRefund = Found<RefundAtProvider, RefundObstacle>

const pageSize = 50
/** Room for twice as many refunds as a payment can have here, because some may be made by hand. */
const pagesMax = 40

/** Searches for a refund among all refunds of its charge, by our own id in the metadata. */
export function lookUpRefund(
  provider: ProviderConnection,
  refund: Refund,
  deadline: Deadline,
): Promise<FoundRefund> {
  return lookUp(provider, deadline, async (perTry): Promise<FoundRefund> => {
    const ours: ProviderObject[] = []
    let after: string | undefined
    for (let page = 0; page < pagesMax; page += 1) {
      const answer = await get(provider, perTry, '/v1/refunds', {
        payment_intent: refund.providerPaymentId,
        limit: String(pageSize),
        ...(after === undefined ? {} : { starting_after: after }),
      })
      if (answer.kind !== 'answered') return answer
      const { data, has_more: hasMore } = answer.body
      if (answer.status !== 200 || data === undefined) return unexpected(answer)
      ours.push(...data.filter(({ metadata }) => metadata?.['refund_id'] === refund.refundId))
      after = data.at(-1)?.id
      if (!hasMore || after === undefined) return foundAmong(ours, refund)
    }
    return { kind: 'bug', cause: new Error(`more than ${pagesMax} pages of refunds of one charge`) }
  })
}

/** A refund that succeeded takes precedence over one that failed. */
function foundAmong(ours: readonly ProviderObject[], refund: Refund): FoundRefund {
  const body = ours.find(({ status }) => status === 'succeeded') ?? ours[0]
  if (body === undefined) return { kind: 'absent' }
  return refundOutcome(body, refund) ?? unexpected({ kind: 'answered', status: 200, body })
}
