import { waitUntil } from '@nightshift/local/wait-until'
import type pg from 'pg'
import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { withDatabase } from '../auditor/sources/read-database.ts'
import { runConcurrently } from '../harness/run-concurrently.ts'
import { startSecondPayments } from '../harness/second-payments.ts'
import { eventually, readProviderLog } from '../harness/test-client.ts'
import type { TestSystem } from '../harness/test-system.ts'
import { whileSlow } from '../harness/while-faulty.ts'
import type { Experiment, ExperimentContext } from '../runner/experiment.ts'

const providerLatencyMs = 250
const databaseMs = 5_000
const pollMs = 10
/** The time from the request to its row in the table, and from the row to the charge. */
const begunMs = 3_000
const chargedMs = 1_000
/** The rest of the owner's own time for the provider. After it, the owner would give up anyway. */
const overtakenMs = 5_000

/** The owner of a payment is paused while it waits for the provider, is overtaken, and continues. */
export const zombieOwner: Experiment = {
  name: 'zombie-owner',
  title: 'The owner of a payment is paused, overtaken by another instance, and wakes up',
  area: 'payments',
  pattern: 'lease',
  hypothesis: 'An owner that was overtaken writes nothing, and each payment is settled once.',
  arms: { with: {}, naive: { payments: { PATTERN_LEASE: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 12, short: 3 },
  method: async context => {
    const { system, parts, settings, size } = context
    await using _second = await startSecondPayments({ system, parts, env: settings.payments })
    await whileSlow(context, providerLatencyMs, () =>
      withDatabase(system.databaseUrl('payments'), databaseMs, database =>
        runConcurrently(size, 1, () => payWhilePaused(context, database)),
      ),
    )
  },
  sometimes: ['pause.payments >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const events = captureEventsPerPayment(evidence)
    return {
      payments: events.length,
      settledTwice: events.filter(count => count > 1).length,
    }
  },
  shows: { figure: 'settledTwice', of: 'payments', atLeast: 1, unit: 'payments settled twice' },
}

/**
 * The lease is not waited for: its row is back-dated. So everything happens within the two seconds that
 * the owner gives the provider, and the owner wakes up with an answer.
 */
async function payWhilePaused(
  { system, client, recordFault }: ExperimentContext,
  database: pg.Client,
) {
  const paying = client.pay('acme')
  const paymentId = await eventually('a payment is begun', () => pendingPayment(database), begunMs)
  recordFault('process', 'begin', 'payments', { signal: 'SIGSTOP' })
  await system.signal('payments', 'SIGSTOP')
  // The owner may be stopped before its request. Then it sends it on waking up, which serves as well.
  await waitUntil(async () => (await countCharges(system, paymentId)) > 0, chargedMs, pollMs)
  await database.query(
    `UPDATE payments SET next_check_at = now() WHERE payment_id = $1 AND status = 'pending'`,
    [paymentId],
  )
  await waitUntil(async () => (await pendingPayment(database)) === undefined, overtakenMs, pollMs)
  await system.signal('payments', 'SIGCONT')
  recordFault('process', 'end', 'payments')
  await paying
}

async function pendingPayment(database: pg.Client): Promise<string | undefined> {
  const { rows } = await database.query<{ payment_id: string }>(
    `SELECT payment_id FROM payments WHERE status = 'pending'`,
  )
  return rows[0]?.payment_id
}

async function countCharges(system: TestSystem, paymentId: string): Promise<number> {
  const lines = await readProviderLog(system, { payment_id: paymentId })
  return lines.filter(({ type }) => type === 'intent.succeeded').length
}

/** For each payment, how many different events say that it was captured. */
function captureEventsPerPayment(evidence: Evidence): number[] {
  const events = rowsOf(evidence.records).flatMap(({ event }) =>
    event?.type === 'payment.captured' ? [event] : [],
  )
  return [...Map.groupBy(events, ({ aggregateId }) => aggregateId).values()].map(
    ofPayment => new Set(ofPayment.map(({ eventId }) => eventId)).size,
  )
}
