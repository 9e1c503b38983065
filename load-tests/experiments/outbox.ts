import { rowsOf } from '../auditor/evidence.ts'
import { runConcurrently } from '../harness/run-concurrently.ts'
import { whilePaymentsDies } from '../harness/while-faulty.ts'
import { perTenThousand } from '../reporting/figures.ts'
import type { Experiment } from '../runner/experiment.ts'

const concurrency = 3
/** Each process instance of payments dies after this many commits. */
const commitsPerInstance = 4

/** Payments dies again and again between COMMIT and publish. */
export const outboxExperiment: Experiment = {
  name: 'outbox',
  title: 'The process dies between COMMIT and publish',
  area: 'messaging',
  pattern: 'outbox',
  hypothesis: 'Every payment that is committed has its event, and no other payment has one.',
  arms: { with: {}, naive: { payments: { PATTERN_OUTBOX: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  size: { full: 40, short: 12 },
  method: async context => {
    const { client, size } = context
    await whilePaymentsDies(context, 'outbox.committed', commitsPerInstance, () =>
      runConcurrently(size, concurrency, async () => {
        const listingId = await client.draft('acme')
        await client.publish('acme', listingId)
      }),
    )
  },
  sometimes: ['crash.payments >= 1', 'attempt.publish >= 1', 'payment.captured >= 1'],
  figures: (evidence, verdict) => {
    const captured = rowsOf(evidence.payments).filter(payment => payment.status === 'captured')
    const published = new Set(
      rowsOf(evidence.records)
        .filter(record => record.event?.type === 'payment.captured')
        .map(record => record.event?.paymentId),
    )
    const lost = captured.filter(payment => !published.has(payment.paymentId)).length
    const notLive = rowsOf(evidence.publications).filter(({ status }) => status === 'captured')
    return {
      payments: captured.length,
      eventsLost: lost,
      eventsLostPerTenThousand: perTenThousand(lost, captured.length),
      phantomEvents: verdict.counts.violations.S4b ?? 0,
      paidAndNeverLive: notLive.length,
    }
  },
  shows: { figure: 'eventsLost', of: 'payments', atLeast: 1, unit: 'events lost' },
}
