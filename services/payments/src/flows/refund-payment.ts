import type { RefundPaymentRequest } from '@nightshift/contracts/payments-http'
import type { DurableRefund } from '@nightshift/patterns/durable-refund/types'
import type { NotClaimed, StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { retryFloorMs } from '@nightshift/runtime/process/outcome'
import type { MakeRefund } from '../clients/make-refund.ts'
import { refundEntries } from '../domain/ledger.ts'
import type { Refund, RefundObstacle } from '../domain/refund.ts'
import { refundAnswer } from '../domain/refund-answer.ts'
import type { RefundStore } from '../store/refund-store.ts'

export type KeyedRefund = {
  tenantId: string
  paymentId: string
  key: string
  request: RefundPaymentRequest
}

export type RefundClaim =
  | { kind: 'claimed'; refund: Refund }
  /**
   * The refund was made before. Its key has no stored answer, for example because it has expired.
   */
  | { kind: 'made'; refund: Refund }
  | { kind: 'no_such_payment' }
  | { kind: 'not_captured' }
  | { kind: 'too_much' }
  | NotClaimed

export type FinishRefundDeps = {
  store: RefundStore
  /** Calls the provider, under a key that is derived from the refund. It may be repeated. */
  makeRefund: MakeRefund
  /** Reports a refund that needs a decision by a person. */
  reportObstacle: (refund: Refund, obstacle: RefundObstacle) => void
}

export type RefundPaymentDeps = FinishRefundDeps & {
  withoutAnswer: DurableRefund['withoutAnswer']
  /** The least time that a request must have left, or nothing is begun. */
  beginMinMs: number
}

export type AnsweredRefund = { kind: 'refund'; refund: Refund; answer: StoredAnswer }

export type RefundPaymentResult =
  | AnsweredRefund
  /** The provider has not answered, and the naive version calls that a failure. */
  | { kind: 'failed' }
  | { kind: 'overloaded' }
  | Exclude<RefundClaim, { refund: Refund }>

/**
 * Refunds a payment: commit the intent, ask the provider (no transaction open), record that the
 * refund was made. A refund can't fail: after any other answer it stays pending until it is made.
 */
export async function refundPayment(
  deps: RefundPaymentDeps,
  keyed: KeyedRefund,
  deadline: Deadline,
): Promise<RefundPaymentResult> {
  if (deadline.remainingMs() < deps.beginMinMs) return { kind: 'overloaded' }
  const claim = await deps.store.claim(keyed, deadline)
  if (claim.kind === 'made') return { kind: 'finished', answer: refundAnswer(claim.refund) }
  if (claim.kind !== 'claimed') return claim
  const finished = await finishRefund(deps, claim.refund, deadline)
  const isOpen = finished.refund.status === 'pending'
  return isOpen && deps.withoutAnswer === 'failed' ? { kind: 'failed' } : finished
}

/** The second half of the flow. The request and the job for pending refunds share it. */
export async function finishRefund(
  deps: FinishRefundDeps,
  refund: Refund,
  deadline: Deadline,
): Promise<AnsweredRefund> {
  if (refund.status !== 'pending') return answered(refund)
  const outcome = await deps.makeRefund(refund, deadline)
  if (outcome.kind === 'ok' && outcome.value.kind === 'made') {
    return recordRefund(deps, refund, outcome.value.providerRefundId)
  }
  if (outcome.kind === 'rejected') {
    deps.reportObstacle(refund, outcome.reason)
    await deps.store.escalate(refund)
  } else {
    await deps.store.recheckLater(refund, retryFloorMs(outcome))
  }
  return answered(refund)
}

/**
 * Commits that a refund was made as one value: the state, the ledger entries, the stored answer.
 */
async function recordRefund(
  { store }: FinishRefundDeps,
  before: Refund,
  providerRefundId: string,
): Promise<AnsweredRefund> {
  const after: Refund = { ...before, status: 'succeeded' }
  const answer = refundAnswer(after)
  const ledger = refundEntries(after)
  if (await store.commit({ before, providerRefundId, ledger, answer })) {
    return { kind: 'refund', refund: after, answer }
  }
  // Another owner was first. Its result is the answer.
  return answered(await store.reload(before))
}

function answered(refund: Refund): AnsweredRefund {
  return { kind: 'refund', refund, answer: refundAnswer(refund) }
}
