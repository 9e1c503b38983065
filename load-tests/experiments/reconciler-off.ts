import { rowsOf } from '../auditor/evidence.ts'
import { runConcurrently } from '../harness/run-concurrently.ts'
import { whileSilent } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'

const concurrency = 6
/** The share of charges whose answer is lost. */
const silenceRate = 0.6

/** The provider's answer is lost, and the client does not ask again. */
export const reconcilerOff: Experiment = {
  name: 'reconciler-off',
  title: 'The answer of the provider is lost, and the client has left',
  area: 'payments',
  pattern: 'reconciler',
  hypothesis: 'No payment stays pending, even if no client asks about it again.',
  arms: { with: {}, naive: { payments: { PATTERN_RECONCILER: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 30, short: 8 },
  method: context =>
    whileSilent(context, 'after', silenceRate, () =>
      runConcurrently(context.size, concurrency, async () => {
        await context.client.payAndLeave('acme')
      }),
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
