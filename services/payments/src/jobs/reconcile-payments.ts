import type { Reconcile } from '@nightshift/patterns/reconciler/types'
import { deadlineIn } from '@nightshift/runtime/deadline'
import type { Log } from '@nightshift/runtime/logger'
import { inSpan, spanContextFrom } from '@nightshift/runtime/telemetry'
import { carryOutHold, type FinishHoldDeps } from '../flows/finish-hold.ts'
import { type FinishPaymentDeps, finishPayment } from '../flows/take-payment.ts'
import type { DuePayment } from '../store/payments.ts'

export type ReconcilePaymentsDeps = {
  reconcile: Reconcile
  takeDue: () => Promise<DuePayment[]>
  finish: FinishPaymentDeps & Pick<FinishHoldDeps, 'carryOut'>
  attemptBudgetMs: number
  concurrencyMax: number
  log: Log
}

/**
 * Finishes payments whose outcome is open: asks the provider again under the same key, in bounded
 * batches and a few at a time, so that a provider that just came back is not stormed.
 * @returns how many were looked at
 */
export async function reconcilePaymentsOnce(deps: ReconcilePaymentsDeps): Promise<number> {
  return deps.reconcile({ ...deps, finishOne: due => reconcileOne(deps, due) })
}

async function reconcileOne(deps: ReconcilePaymentsDeps, due: DuePayment): Promise<void> {
  const cause = spanContextFrom(due.traceparent)
  const links = cause ? [{ context: cause }] : []
  await inSpan('reconcile payment', { links }, async () => {
    const { payment } = due
    const { paymentId } = payment
    const deadline = deadlineIn(deps.attemptBudgetMs)
    const after =
      payment.status === 'pending'
        ? await finishPayment(deps.finish, payment, deadline)
        : await carryOutHold(deps.finish, payment, deadline)
    deps.log.info({ event: 'payment.reconciled', paymentId, paymentStatus: after.status })
  })
}
