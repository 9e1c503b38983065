import type { Deadline } from '@nightshift/runtime/deadline'
import type { Outcome } from '@nightshift/runtime/outcome'
import type { Charged, Payment, Settlement } from '../domain/payment.ts'
import type { FinishPaymentDeps } from './take-payment.ts'

export type Hold = 'capture' | 'void'

export type HoldDecision =
  | { kind: 'decided'; payment: Payment }
  /** It is what was wanted already. */
  | { kind: 'done'; payment: Payment }
  | { kind: 'not_held'; payment: Payment }
  | { kind: 'no_such_payment' }

export type FinishHoldDeps = Pick<FinishPaymentDeps, 'settle' | 'askAgainLater'> & {
  /** Commits what is wanted of held money, so that it is carried out whoever dies. */
  decide: (tenantId: string, paymentId: string, wanted: Hold) => Promise<HoldDecision>
  /** Asks the provider to do it. As often as need be: both are the same thing done once. */
  carryOut: (payment: Payment, wanted: Hold, deadline: Deadline) => Promise<Outcome<Charged>>
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
  return { kind: 'done', payment: await carryOutHold(deps, decision.payment, deadline) }
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
  if (outcome.kind === 'ok') return deps.settle(payment, settlementOf(wanted, outcome.value))
  await deps.askAgainLater(payment)
  return payment
}

function settlementOf(wanted: Hold, { providerPaymentId, feeCents }: Charged): Settlement {
  return wanted === 'capture'
    ? { kind: 'captured', providerPaymentId, feeCents }
    : { kind: 'voided', providerPaymentId }
}
