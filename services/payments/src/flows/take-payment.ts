import { finality } from '@nightshift/contracts/payment-finality'
import type { TakePaymentRequest } from '@nightshift/contracts/payments-http'
import type { StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { retryFloorMs } from '@nightshift/runtime/process/outcome'
import {
  type ChargeConclusion,
  type ChargeOutcome,
  decide,
  type Payment,
  type Settlement,
} from '../domain/payment.ts'

export type KeyedPayment = { tenantId: string; key: string; request: TakePaymentRequest }

export type PaymentClaim =
  | { kind: 'claimed'; payment: Payment }
  | { kind: 'finished'; answer: StoredAnswer }
  /** Settled long ago: the row of its key has expired, and the key has come again. */
  | { kind: 'known'; payment: Payment }
  | { kind: 'in_progress'; retryAfterMs: number }
  | { kind: 'different_request' }
  | { kind: 'overloaded' }

export type FinishPaymentDeps = {
  /** Asks the provider, under a key that is derived from the payment: as often as need be. */
  charge: (payment: Payment, deadline: Deadline) => Promise<ChargeOutcome>
  /** What may be concluded from that: of a lost answer, nothing. */
  conclude: (outcome: ChargeOutcome) => ChargeConclusion
  /** Makes a payment final, tells the others, stores the answer. Answers what it is now, whoever did it. */
  settle: (payment: Payment, settlement: Settlement) => Promise<Payment>
  /** Notes that the outcome is open and when to look again: not before `retryFloorMs` have passed. */
  askAgainLater: (payment: Payment, retryFloorMs: number) => Promise<void>
}

export type TakePaymentDeps = FinishPaymentDeps & {
  /** With less left of the request, nothing is begun. */
  beginMinMs: number
  /** What the caller is told when the provider has not answered. */
  withoutAnswer: 'pending' | 'timed_out'
  /** Commits the key and the payment, so that everything after can be continued by somebody else. */
  claim: (keyed: KeyedPayment, deadline: Deadline) => Promise<PaymentClaim>
}

export type TakePaymentResult =
  | { kind: 'payment'; payment: Payment }
  /** Said without an answer of the provider, where nothing is said to be pending. */
  | { kind: 'timed_out' }
  | Exclude<PaymentClaim, { kind: 'claimed' | 'known' }>

/**
 * Takes a payment once per key: claim the key (commit), ask the provider (no transaction open),
 * record the answer and its event (commit). A death between any two of them loses nothing: the
 * next attempt with the key, or the reconciler, goes on from what is committed.
 */
export async function takePayment(
  deps: TakePaymentDeps,
  keyed: KeyedPayment,
  deadline: Deadline,
): Promise<TakePaymentResult> {
  if (deadline.remainingMs() < deps.beginMinMs) return { kind: 'overloaded' }
  const claim = await deps.claim(keyed, deadline)
  if (claim.kind === 'known') return { kind: 'payment', payment: claim.payment }
  if (claim.kind !== 'claimed') return claim
  const payment = await finishPayment(deps, claim.payment, deadline)
  const isOpen = !finality[payment.status].isAnswered
  return isOpen && deps.withoutAnswer === 'timed_out'
    ? { kind: 'timed_out' }
    : { kind: 'payment', payment }
}

/**
 * The second half, for a request and for the reconciler: the same call under the same key, until
 * the provider has answered. Answers the payment as it is then; `pending` if it still has not.
 */
export async function finishPayment(
  deps: FinishPaymentDeps,
  payment: Payment,
  deadline: Deadline,
): Promise<Payment> {
  if (finality[payment.status].isAnswered) return payment
  const outcome = await deps.charge(payment, deadline)
  const verdict = decide(deps.conclude(outcome))
  if (verdict.kind !== 'ask_again') return deps.settle(payment, verdict)
  await deps.askAgainLater(payment, retryFloorMs(outcome))
  return payment
}
