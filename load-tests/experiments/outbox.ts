import { eventually } from '@nightshift/local/testing/test-client'
import { rowsOf } from '../auditor/evidence.ts'
import type { Experiment } from './experiment.ts'
import { perTenThousand, runIntents } from './measure.ts'

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
  method: async ({ system, client, noteFault, size }) => {
    await system.stop('payments')
    const crash = `outbox.committed:${commitsPerLife}`
    noteFault('process', 'begin', 'payments', { signal: 'SIGKILL', crashAt: crash })
    await system.start('payments', { env: { CRASH_AT: crash } })
    await system.waitReady('payments')
    await runIntents(size, concurrency, async () => {
      const listingId = await client.draft('acme')
      await client.publish('acme', listingId)
    })
    await eventually('payments has died at least once', async () =>
      (await system.status('payments')).restarts > 0 ? true : undefined,
    )
    await system.stop('payments')
    await system.start('payments', { env: { CRASH_AT: '' } })
    await system.waitReady('payments')
    noteFault('process', 'end', 'payments')
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
