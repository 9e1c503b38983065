import { obligation } from '@nightshift/patterns/durable-refund/durable-refund'
import { refundInRequest } from '@nightshift/patterns/durable-refund/naive'
import { idempotencyKeys } from '@nightshift/patterns/idempotency-key/idempotency-key'
import type { Pool } from 'pg'
import type { Config } from './config.ts'
import { refundEntries, taxOfRefund } from './domain/ledger.ts'
import type { Refund } from './domain/refund.ts'
import type { FinishRefundDeps, RefundPaymentDeps } from './flows/refund-payment.ts'
import { refundAnswer } from './http/refund-answer.ts'
import { limits } from './limits.ts'
import type { PaymentsLog } from './log-events.ts'
import type { PaymentMetrics } from './metrics.ts'
import { askAgainLater } from './store/ask-again-later.ts'
import type { NextCheck } from './store/payments.ts'
import { refundPhases } from './store/refund-phases.ts'
import { postponeRefund } from './store/refunds.ts'

export type RefundsPlumbing = {
  /** For requests on behalf of one employer. */
  pool: Pool
  /** For what works for all of them. */
  worker: Pool
  log: PaymentsLog
  paymentMetrics: PaymentMetrics
}

/** Money that goes back: owed first, then given, for as long as it takes. */
export function wireRefunds(
  config: Config,
  giveBack: FinishRefundDeps['giveBack'],
  { pool, worker, log, paymentMetrics }: RefundsPlumbing,
): RefundPaymentDeps {
  const { firstCheckMs, againBaseMs, againCapMs, leftToPersonMs } = limits.reconcile
  const keys = idempotencyKeys(limits.keyLeaseMs)
  const owed = config.PATTERN_DURABLE_REFUND === 'on' ? obligation : refundInRequest
  const putOff = (one: Refund, next: NextCheck) =>
    askAgainLater(worker, {
      postpone: tx => postponeRefund(tx, one, next),
      release: tx => keys.release(tx, one.refundId),
    })
  const phases = refundPhases({
    pool,
    keys,
    obligation: owed,
    firstCheckMs,
    answerOf: refundAnswer,
    entriesOf: refundEntries,
    taxOf: taxOfRefund,
  })
  return {
    ...phases,
    withoutAnswer: owed.withoutAnswer,
    beginMinMs: limits.beginMinMs,
    giveBack,
    askAgainLater: (one, retryFloorMs) =>
      putOff(one, { baseMs: againBaseMs, capMs: againCapMs, retryAfterMs: retryFloorMs }),
    leaveToPerson: async (one, reason) => {
      const { refundId, paymentId } = one
      log.error({ event: 'refund.blocked', refundId, paymentId, reason })
      paymentMetrics.refundsBlocked.inc({ reason })
      await putOff(one, { baseMs: leftToPersonMs, capMs: leftToPersonMs, retryAfterMs: 0 })
    },
  }
}
