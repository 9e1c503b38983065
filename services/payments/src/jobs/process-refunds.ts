import type { Reconcile } from '@nightshift/patterns/reconciler/types'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import { inSpan, spanContextFrom } from '@nightshift/runtime/telemetry/tracing'
import { type FinishRefundDeps, finishRefund } from '../flows/refund-payment.ts'
import type { PaymentsLog } from '../log-events.ts'
import type { DueRefund } from '../store/refunds.ts'

export type ProcessRefundsDeps = {
  reconcile: Reconcile
  takeDue: () => Promise<DueRefund | undefined>
  finish: FinishRefundDeps
  /** Reports the age of the oldest pending refund. */
  showOldest: () => Promise<void>
  attemptBudgetMs: number
  concurrencyMax: number
  roundMax: number
  log: PaymentsLog
}

/**
 * Makes pending refunds, a few at a time. It never gives up: there is no last attempt.
 * @returns how many were taken
 */
export async function processRefundsOnce(
  deps: ProcessRefundsDeps,
  signal: AbortSignal,
): Promise<number> {
  await deps.showOldest()
  return deps.reconcile({
    takeOne: deps.takeDue,
    finishOne: due => processOne(deps, due),
    concurrencyMax: deps.concurrencyMax,
    roundMax: deps.roundMax,
    signal,
  })
}

async function processOne(deps: ProcessRefundsDeps, due: DueRefund): Promise<void> {
  const cause = spanContextFrom(due.traceparent)
  const links = cause ? [{ context: cause }] : []
  await inSpan('process refund', { links }, async () => {
    const deadline = deadlineIn(deps.attemptBudgetMs)
    const { refundId, status } = (await finishRefund(deps.finish, due.refund, deadline)).refund
    deps.log.info({ event: 'refund.reconciled', refundId, refundStatus: status })
  })
}
