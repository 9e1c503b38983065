import type { Deadline } from '@nightshift/runtime/process/deadline'
import { retryFloorMs } from '@nightshift/runtime/process/outcome'
import type { CaptureOrVoid } from '../clients/capture-or-void-at-provider.ts'
import type { Action, Payment } from '../domain/payment.ts'
import type { RequestAction } from '../store/request-capture-or-void.ts'
import { type SettlePaymentDeps, settlePayment } from './take-payment.ts'

export type CarryOutDeps = SettlePaymentDeps & {
  /** Calls the provider. It may be repeated: the provider carries each action out once. */
  captureOrVoid: CaptureOrVoid
}

export type CaptureOrVoidDeps = CarryOutDeps & {
  /** Commits the requested action. From then on it survives the death of any process. */
  requestAction: RequestAction
}

export type CaptureOrVoidResult =
  | { kind: 'done'; payment: Payment }
  /** The action is committed, and the provider has not carried it out yet. */
  | { kind: 'requested'; payment: Payment }
  /** The money is no longer authorized, or the opposite action was requested before. */
  | { kind: 'not_authorized'; payment: Payment }
  | { kind: 'no_such_payment' }

/**
 * Captures or voids authorized money: commit the requested action, ask the provider (no transaction
 * open), commit the outcome. A requested action is never withdrawn: the job repeats it until it is
 * carried out.
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

/** The second half of the flow. The request and the reconciler share it. */
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
