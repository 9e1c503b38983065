import { finality } from '@nightshift/contracts/payment-finality'
import type { Reconcile } from '@nightshift/patterns/reconciler/types'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import { inSpan, spanContextFrom } from '@nightshift/runtime/telemetry/tracing'
import { type CarryOutDeps, carryOutAction } from '../flows/capture-or-void.ts'
import { type FinishPaymentDeps, finishPayment } from '../flows/take-payment.ts'
import type { PaymentsLog } from '../log-events.ts'
import type { DuePayment } from '../store/payments.ts'

export type ReconcilePaymentsDeps = {
  reconcile: Reconcile
  takeDue: () => Promise<DuePayment | undefined>
  finish: FinishPaymentDeps & CarryOutDeps
  /** Reports the age of the oldest open payment. */
  showOldest: () => Promise<void>
  attemptBudgetMs: number
  concurrencyMax: number
  roundMax: number
  log: PaymentsLog
}

/**
 * Finishes payments whose outcome is open by asking the provider again. Rounds are bounded and only
 * a few payments are in progress, so that a provider that has just recovered is not overloaded.
 * @returns how many were taken
 */
export async function reconcilePaymentsOnce(
  deps: ReconcilePaymentsDeps,
  signal: AbortSignal,
): Promise<number> {
  await deps.showOldest()
  return deps.reconcile({
    takeOne: deps.takeDue,
    finishOne: due => reconcileOne(deps, due),
    concurrencyMax: deps.concurrencyMax,
    roundMax: deps.roundMax,
    signal,
  })
}

async function reconcileOne(deps: ReconcilePaymentsDeps, due: DuePayment): Promise<void> {
  const cause = spanContextFrom(due.traceparent)
  const links = cause ? [{ context: cause }] : []
  await inSpan('reconcile payment', { links }, async () => {
    const deadline = deadlineIn(deps.attemptBudgetMs)
    const { paymentId, status } = await finish(deps, due, deadline)
    deps.log.info({ event: 'payment.reconciled', paymentId, paymentStatus: status })
  })
}

async function finish(
  { finish: deps }: ReconcilePaymentsDeps,
  { payment }: DuePayment,
  deadline: ReturnType<typeof deadlineIn>,
) {
  if (finality[payment.status].isAnswered) return carryOutAction(deps, payment, deadline)
  return (await finishPayment(deps, payment, deadline)).payment
}
