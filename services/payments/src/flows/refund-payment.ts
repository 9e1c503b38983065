import type { RefundPaymentRequest } from '@nightshift/contracts/payments-http'
import type { DurableRefund } from '@nightshift/patterns/durable-refund/types'
import type { NotClaimed, StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { retryFloorMs } from '@nightshift/runtime/process/outcome'
import type { GiveBack } from '../clients/give-back.ts'
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
  /** Made long ago: its key has expired and was used again. */
  | { kind: 'known'; refund: Refund }
  | { kind: 'no_such_payment' }
  | { kind: 'not_captured' }
  | { kind: 'too_much' }
  | NotClaimed

export type FinishRefundDeps = {
  store: RefundStore
  /** Asks the provider, under a key that is derived from the refund. It may be asked many times. */
  giveBack: GiveBack
  /** Reports a refund that only a person can bring to an end. */
  reportObstacle: (refund: Refund, obstacle: RefundObstacle) => void
}

export type RefundPaymentDeps = FinishRefundDeps & {
  withoutAnswer: DurableRefund['withoutAnswer']
  /** With less left of the request, nothing is begun. */
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
 * Gives money back: commit the intent, ask the provider (no transaction open), record that it was
 * made. A refund can't fail: whatever the provider answers, it stays pending until it was made.
 */
export async function refundPayment(
  deps: RefundPaymentDeps,
  keyed: KeyedRefund,
  deadline: Deadline,
): Promise<RefundPaymentResult> {
  if (deadline.remainingMs() < deps.beginMinMs) return { kind: 'overloaded' }
  const claim = await deps.store.claim(keyed, deadline)
  if (claim.kind === 'known') return { kind: 'finished', answer: refundAnswer(claim.refund) }
  if (claim.kind !== 'claimed') return claim
  const finished = await finishRefund(deps, claim.refund, deadline)
  const isOpen = finished.refund.status === 'pending'
  return isOpen && deps.withoutAnswer === 'failed' ? { kind: 'failed' } : finished
}

/** The second half, for a request and for the job that processes pending refunds. */
export async function finishRefund(
  deps: FinishRefundDeps,
  refund: Refund,
  deadline: Deadline,
): Promise<AnsweredRefund> {
  if (refund.status !== 'pending') return answered(refund)
  const outcome = await deps.giveBack(refund, deadline)
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

/** Commits that a refund was made as one value: the state, the ledger entries, the stored answer. */
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
  // Another owner was first. What it committed is the answer.
  return answered(await store.reload(before))
}

function answered(refund: Refund): AnsweredRefund {
  return { kind: 'refund', refund, answer: refundAnswer(refund) }
}
