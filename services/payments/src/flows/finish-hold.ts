import type { Deadline } from '@nightshift/runtime/deadline'
import type { Outcome } from '@nightshift/runtime/outcome'
import type { Payment, Settlement } from '../domain/payment.ts'
import type { FinishPaymentDeps } from './take-payment.ts'

export type Hold = 'capture' | 'void'

/** What a hold is when that was done. */
export const doneBy = { capture: 'captured', void: 'voided' } as const

/** How a hold has ended. It may have ended before we asked, and otherwise than was wanted. */
export type HoldOutcome = Outcome<Extract<Settlement, { kind: 'captured' | 'voided' }>>

export type HoldDecision =
  | { kind: 'decided'; payment: Payment }
  /** It is what was wanted already. */
  | { kind: 'done'; payment: Payment }
  /** It is something else, since long or since now. */
  | { kind: 'not_held'; payment: Payment }
  | { kind: 'no_such_payment' }

export type FinishHoldDeps = Pick<FinishPaymentDeps, 'settle' | 'askAgainLater'> & {
  /** Commits what is wanted of held money, so that it is carried out whoever dies. */
  decide: (tenantId: string, paymentId: string, wanted: Hold) => Promise<HoldDecision>
  /** Asks the provider to do it. As often as need be: both are the same thing done once. */
  carryOut: (payment: Payment, wanted: Hold, deadline: Deadline) => Promise<HoldOutcome>
}

/**
 * Captures or voids money that is held: decide (commit), ask the provider (no transaction open),
 * record (commit). The decision is not taken back, so the job goes on with it for as long as it takes.
 */
export async function finishHold(
  deps: FinishHoldDeps,
  asked: { tenantId: string; paymentId: string; wanted: Hold },
  deadline: Deadline,
): Promise<HoldDecision> {
  const decision = await deps.decide(asked.tenantId, asked.paymentId, asked.wanted)
  if (decision.kind !== 'decided') return decision
  const payment = await carryOutHold(deps, decision.payment, deadline)
  if (payment.status === 'authorized') return { kind: 'decided', payment }
  return { kind: payment.status === doneBy[asked.wanted] ? 'done' : 'not_held', payment }
}

/** The second half, for a request and for the reconciler. */
export async function carryOutHold(
  deps: Omit<FinishHoldDeps, 'decide'>,
  payment: Payment,
  deadline: Deadline,
): Promise<Payment> {
  const { wanted } = payment
  if (wanted === null) return payment
  const outcome = await deps.carryOut(payment, wanted, deadline)
  if (outcome.kind === 'ok') return deps.settle(payment, outcome.value)
  await deps.askAgainLater(payment)
  return payment
}
