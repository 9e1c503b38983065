import { rowsOf } from '../auditor/evidence.ts'
import { whilePaymentsDies } from '../harness/while-payments-dies.ts'
import { perTenThousand, runIntents } from '../reporting/measure.ts'
import type { Experiment } from '../runner/experiment.ts'

const concurrency = 3
/** Each life of payments ends at its so-many-th commit. */
const commitsPerLife = 4

/** Payments dies again and again between COMMIT and publish. */
export const outboxExperiment: Experiment = {
  name: 'outbox',
  title: 'The process dies between COMMIT and publish',
  area: 'messaging',
  pattern: 'outbox',
  hypothesis: 'Every payment that is committed is heard of, and nothing else is.',
  arms: { with: {}, naive: { payments: { PATTERN_OUTBOX: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  size: { full: 40, short: 12 },
  method: async lab => {
    const { client, size } = lab
    await whilePaymentsDies(lab, 'outbox.committed', commitsPerLife, () =>
      runIntents(size, concurrency, async () => {
        const listingId = await client.draft('acme')
        await client.publish('acme', listingId)
      }),
    )
  },
  sometimes: ['crash.payments >= 1', 'attempt.publish >= 1', 'payment.captured >= 1'],
  figures: (evidence, verdict) => {
    const captured = rowsOf(evidence.payments).filter(payment => payment.status === 'captured')
    const told = new Set(
      rowsOf(evidence.records)
        .filter(record => record.event?.type === 'payment.captured')
        .map(record => record.event?.paymentId),
    )
    const lost = captured.filter(payment => !told.has(payment.paymentId)).length
    const paid = rowsOf(evidence.publications).filter(one => one.status === 'captured').length
    return {
      payments: captured.length,
      eventsLost: lost,
      eventsLostPerTenThousand: perTenThousand(lost, captured.length),
      phantomEvents: verdict.counts.violations.S4b ?? 0,
      paidAndNeverLive: paid,
    }
  },
  shows: { figure: 'eventsLost', of: 'payments', atLeast: 1, unit: 'events lost' },
}
