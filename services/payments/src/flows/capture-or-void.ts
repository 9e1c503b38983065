import type { Deadline } from '@nightshift/runtime/process/deadline'
import { retryFloorMs } from '@nightshift/runtime/process/outcome'
import type { CaptureOrVoid } from '../clients/capture-or-void-at-provider.ts'
import type { Action, Payment } from '../domain/payment.ts'
import type { RequestAction } from '../store/request-capture-or-void.ts'
import { type SettlePaymentDeps, settlePayment } from './take-payment.ts'

export type CarryOutDeps = SettlePaymentDeps & {
  /** Asks the provider. It may be asked many times: both actions are done once. */
  captureOrVoid: CaptureOrVoid
}

export type CaptureOrVoidDeps = CarryOutDeps & {
  /** Commits the decision, so that it is carried out whichever process dies. */
  requestAction: RequestAction
}

export type CaptureOrVoidResult =
  | { kind: 'done'; payment: Payment }
  /** Decided, and the provider has not done it yet. */
  | { kind: 'requested'; payment: Payment }
  /** The money is not authorized any more, or the opposite was decided. */
  | { kind: 'not_authorized'; payment: Payment }
  | { kind: 'no_such_payment' }

/**
 * Captures or voids authorized money: commit the decision, ask the provider (no transaction open),
 * commit the outcome. The decision is never taken back: the job goes on with it for as long as it takes.
 */
export async function captureOrVoid(
  deps: CaptureOrVoidDeps,
  { tenantId, paymentId, action }: { tenantId: string; paymentId: string; action: Action },
  deadline: Deadline,
): Promise<CaptureOrVoidResult> {
  const requested = await deps.requestAction(tenantId, paymentId, action)
  if (requested.kind === 'no_such_payment') return requested
  const isRequested = requested.kind === 'requested'
  const payment = isRequested
    ? await carryOutAction(deps, requested.payment, deadline)
    : requested.payment
  if (payment.status === statusAfter[action]) return { kind: 'done', payment }
  const isOpen = isRequested && payment.status === 'authorized'
  return { kind: isOpen ? 'requested' : 'not_authorized', payment }
}

const statusAfter = { capture: 'captured', void: 'voided' } as const

/** The second half, for a request and for the reconciler. */
export async function carryOutAction(
  deps: CarryOutDeps,
  payment: Payment,
  deadline: Deadline,
): Promise<Payment> {
  if (payment.requestedAction === null) return payment
  const outcome = await deps.captureOrVoid(payment, payment.requestedAction, deadline)
  if (outcome.kind === 'ok') {
    return (await settlePayment(deps, payment, outcome.value)).payment
  }
  await deps.store.recheckLater(payment, retryFloorMs(outcome))
  return payment
}
