import { finality } from '@nightshift/contracts/payment-finality'
import type { Reconcile } from '@nightshift/patterns/reconciler/types'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import { inSpan, spanContextFrom } from '@nightshift/runtime/telemetry/tracing'
import { type CaptureOrVoidDeps, carryOutRequested } from '../flows/capture-or-void.ts'
import { type FinishPaymentDeps, finishPayment } from '../flows/take-payment.ts'
import type { PaymentsLog } from '../log-events.ts'
import type { DuePayment } from '../store/payments.ts'

export type ReconcilePaymentsDeps = {
  reconcile: Reconcile
  takeDue: () => Promise<DuePayment | undefined>
  finish: FinishPaymentDeps & Pick<CaptureOrVoidDeps, 'carryOut'>
  /** Of what is open, the age of the oldest, to be shown and alarmed about. */
  showOldest: () => Promise<void>
  attemptBudgetMs: number
  concurrencyMax: number
  roundMax: number
  log: PaymentsLog
}

/**
 * Finishes payments whose outcome is open: asks the provider again, in bounded batches and a few at
 * a time, so that a provider that just came back is not stormed.
 * @returns how many were looked at
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
    const { payment } = due
    const { paymentId } = payment
    const deadline = deadlineIn(deps.attemptBudgetMs)
    const after = finality[payment.status].isAnswered
      ? await carryOutRequested(deps.finish, payment, deadline)
      : await finishPayment(deps.finish, payment, deadline)
    deps.log.info({ event: 'payment.reconciled', paymentId, paymentStatus: after.status })
  })
}
