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
  /** Of what is owed, the age of the oldest, to be shown and alarmed about. */
  showOldest: () => Promise<void>
  attemptBudgetMs: number
  concurrencyMax: number
  roundMax: number
  log: PaymentsLog
}

/**
 * Gives back what is owed, a few at a time, for as long as it takes: there is no last attempt.
 * @returns how many were looked at
 */
export async function processRefundsOnce(
  deps: ProcessRefundsDeps,
  signal: AbortSignal,
): Promise<number> {
  await deps.showOldest()
  return deps.reconcile({
    takeOne: deps.takeDue,
    finishOne: due => meetOne(deps, due),
    concurrencyMax: deps.concurrencyMax,
    roundMax: deps.roundMax,
    signal,
  })
}

async function meetOne(deps: ProcessRefundsDeps, due: DueRefund): Promise<void> {
  const cause = spanContextFrom(due.traceparent)
  const links = cause ? [{ context: cause }] : []
  await inSpan('meet refund', { links }, async () => {
    const { refundId } = due.refund
    const after = await finishRefund(deps.finish, due.refund, deadlineIn(deps.attemptBudgetMs))
    deps.log.info({ event: 'refund.reconciled', refundId, refundStatus: after.status })
  })
}
