import type { Deadline } from '@nightshift/runtime/process/deadline'
import { type Outcome, retryFloorMs } from '@nightshift/runtime/process/outcome'
import type { Payment, Settlement } from '../domain/payment.ts'
import type { FinishPaymentDeps } from './take-payment.ts'

export type Hold = 'capture' | 'void'

/** How a hold has ended. It may have ended before we asked, and otherwise than was wanted. */
export type CaptureOrVoidOutcome = Outcome<Extract<Settlement, { kind: 'captured' | 'voided' }>>

export type RequestedAction =
  | { kind: 'decided'; payment: Payment }
  | { kind: 'not_held'; payment: Payment }
  | { kind: 'no_such_payment' }

export type CaptureOrVoidResult =
  | RequestedAction
  /** It is what was wanted, since long or since now. `not_held` is it when it is anything else. */
  | { kind: 'done'; payment: Payment }

export type CaptureOrVoidDeps = Pick<FinishPaymentDeps, 'settle' | 'askAgainLater'> & {
  /** Commits what is wanted of held money, so that it is carried out whoever dies. */
  decide: (tenantId: string, paymentId: string, wanted: Hold) => Promise<RequestedAction>
  /** Asks the provider to do it. As often as need be: both are the same thing done once. */
  carryOut: (payment: Payment, wanted: Hold, deadline: Deadline) => Promise<CaptureOrVoidOutcome>
}

/**
 * Captures or voids money that is held: decide (commit), ask the provider (no transaction open),
 * record (commit). The decision is not taken back, so the job goes on with it for as long as it takes.
 */
export async function captureOrVoid(
  deps: CaptureOrVoidDeps,
  asked: { tenantId: string; paymentId: string; wanted: Hold },
  deadline: Deadline,
): Promise<CaptureOrVoidResult> {
  const decision = await deps.decide(asked.tenantId, asked.paymentId, asked.wanted)
  if (decision.kind === 'no_such_payment') return decision
  const isDecided = decision.kind === 'decided'
  const payment = isDecided
    ? await carryOutRequested(deps, decision.payment, deadline)
    : decision.payment
  if (payment.status === doneBy[asked.wanted]) return { kind: 'done', payment }
  const isLeftOpen = isDecided && payment.status === 'authorized'
  return { kind: isLeftOpen ? 'decided' : 'not_held', payment }
}

const doneBy = { capture: 'captured', void: 'voided' } as const

/** The second half, for a request and for the reconciler. */
export async function carryOutRequested(
  deps: Omit<CaptureOrVoidDeps, 'decide'>,
  payment: Payment,
  deadline: Deadline,
): Promise<Payment> {
  const { wanted } = payment
  if (wanted === null) return payment
  const outcome = await deps.carryOut(payment, wanted, deadline)
  if (outcome.kind === 'ok') return deps.settle(payment, outcome.value)
  await deps.askAgainLater(payment, retryFloorMs(outcome))
  return payment
}
