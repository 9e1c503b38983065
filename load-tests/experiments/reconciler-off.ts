import { rowsOf } from '../auditor/evidence.ts'
import { whileSilent } from '../harness/with-provider-faults.ts'
import { runIntents } from '../reporting/measure.ts'
import type { Experiment } from '../runner/experiment.ts'

const concurrency = 6
/** Of the charges while the setting is turned. */
const silenceRate = 0.6

/** The answer is lost, and so is the client. */
export const reconcilerOff: Experiment = {
  name: 'reconciler-off',
  title: 'The answer of the provider is lost, and the client has left',
  area: 'payments',
  pattern: 'reconciler',
  hypothesis: 'No payment stays pending, also if nobody asks about it again.',
  arms: { with: {}, naive: { payments: { PATTERN_RECONCILER: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 30, short: 8 },
  method: lab =>
    whileSilent(lab, 'after', silenceRate, () =>
      runIntents(lab.size, concurrency, () => lab.client.payAndLeave('acme')),
    ),
  sometimes: ['provider.reply_withheld >= 1', 'attempt.pending >= 1'],
  figures: evidence => {
    const payments = rowsOf(evidence.payments)
    const pending = payments.filter(({ status }) => status === 'pending')
    const charged = new Set(
      rowsOf(evidence.provider)
        .filter(({ type }) => type === 'intent.succeeded')
        .map(({ paymentId }) => paymentId),
    )
    return {
      payments: payments.length,
      pendingForEver: pending.length,
      pendingAndCharged: pending.filter(({ paymentId }) => charged.has(paymentId)).length,
    }
  },
  shows: { figure: 'pendingForEver', of: 'payments', atLeast: 1, unit: 'pending for ever' },
}
