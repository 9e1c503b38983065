import type { RefundPaymentRequest } from '@nightshift/contracts/payments-http'
import type { Obligation } from '@nightshift/patterns/durable-refund/types'
import type { StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { type Outcome, retryFloorMs } from '@nightshift/runtime/process/outcome'
import type { Refund, RefundAtProvider, RefundObstacle } from '../domain/refund.ts'

export type KeyedRefund = {
  tenantId: string
  paymentId: string
  key: string
  request: RefundPaymentRequest
}

export type RefundClaim =
  | { kind: 'claimed'; refund: Refund }
  | { kind: 'finished'; answer: StoredAnswer }
  /** Owed long ago: the row of its key has expired, and the key has come again. */
  | { kind: 'known'; refund: Refund }
  | { kind: 'in_progress'; retryAfterMs: number }
  | { kind: 'different_request' }
  | { kind: 'no_such_payment' }
  | { kind: 'not_captured' }
  | { kind: 'too_much' }

/** `rejected`: it can not be made as it is. It stays owed all the same. */
export type RefundOutcome = Outcome<RefundAtProvider, RefundObstacle>

export type FinishRefundDeps = {
  /** Asks the provider, under a key that is derived from the refund: as often as need be. */
  giveBack: (refund: Refund, deadline: Deadline) => Promise<RefundOutcome>
  /** Makes it final: the state, the ledger, the answer. Answers what it is now, whoever did it. */
  settle: (refund: Refund, providerRefundId: string) => Promise<Refund>
  askAgainLater: (refund: Refund, retryFloorMs: number) => Promise<void>
  /** Tells a person, who has to decide, and looks from time to time whether that is done. */
  leaveToPerson: (refund: Refund, obstacle: RefundObstacle) => Promise<void>
}

export type RefundPaymentDeps = FinishRefundDeps & {
  withoutAnswer: Obligation['withoutAnswer']
  /** With less left of the request, nothing is begun. */
  beginMinMs: number
  /** Commits that the money is owed. From then on it is given back, whoever dies. */
  claim: (keyed: KeyedRefund, deadline: Deadline) => Promise<RefundClaim>
}

export type RefundPaymentResult =
  | { kind: 'refund'; refund: Refund }
  /** Said without an answer of the provider, where a refund is no obligation. */
  | { kind: 'failed' }
  | { kind: 'overloaded' }
  | Exclude<RefundClaim, { kind: 'claimed' | 'known' }>

/**
 * Owes money back (commit), gives it back (no transaction open), records that (commit). A refund can
 * not fail: whatever the provider says or does not say, the obligation stays until it is met.
 */
export async function refundPayment(
  deps: RefundPaymentDeps,
  keyed: KeyedRefund,
  deadline: Deadline,
): Promise<RefundPaymentResult> {
  if (deadline.remainingMs() < deps.beginMinMs) return { kind: 'overloaded' }
  const claim = await deps.claim(keyed, deadline)
  if (claim.kind === 'known') return { kind: 'refund', refund: claim.refund }
  if (claim.kind !== 'claimed') return claim
  const refund = await finishRefund(deps, claim.refund, deadline)
  const isFailed = refund.status === 'pending' && deps.withoutAnswer === 'failed'
  return isFailed ? { kind: 'failed' } : { kind: 'refund', refund }
}

/** The second half, for a request and for the job that meets what is owed. */
export async function finishRefund(
  deps: FinishRefundDeps,
  refund: Refund,
  deadline: Deadline,
): Promise<Refund> {
  if (refund.status !== 'pending') return refund
  const outcome = await deps.giveBack(refund, deadline)
  if (outcome.kind === 'ok' && outcome.value.kind === 'made') {
    return deps.settle(refund, outcome.value.providerRefundId)
  }
  if (outcome.kind === 'rejected') await deps.leaveToPerson(refund, outcome.reason)
  else await deps.askAgainLater(refund, retryFloorMs(outcome))
  return refund
}
