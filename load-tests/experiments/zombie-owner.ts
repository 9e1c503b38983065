import { waitUntil } from '@nightshift/local/wait-until'
import type pg from 'pg'
import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { withDatabase } from '../auditor/sources/read-database.ts'
import { startSecondPayments } from '../harness/second-payments.ts'
import { eventually } from '../harness/test-client.ts'
import { whileSlow } from '../harness/with-provider-faults.ts'
import { runIntents } from '../reporting/measure.ts'
import type { Experiment, Lab } from '../runner/experiment.ts'

const providerLatencyMs = 250
const databaseMs = 5_000
const lookMs = 10
/** From the request to its row in the table, and from there to the charge. */
const begunMs = 3_000
const chargedMs = 1_000
/** The rest of the owner's own time for the provider; later it would give up by itself. */
const overtakenMs = 5_000

/** The owner of a payment is paused while it asks the provider, overtaken, and goes on. */
export const zombieOwner: Experiment = {
  name: 'zombie-owner',
  title: 'The owner of a payment is paused, overtaken by another instance, and wakes up',
  area: 'payments',
  pattern: 'lease',
  hypothesis: 'Whoever was overtaken writes nothing, and each payment is settled once.',
  arms: { with: {}, naive: { payments: { PATTERN_LEASE: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 12, short: 3 },
  method: async lab => {
    const { system, size } = lab
    await using _second = await startSecondPayments(lab)
    await whileSlow(lab, providerLatencyMs, () =>
      withDatabase(system.databaseUrl('payments'), databaseMs, database =>
        runIntents(size, 1, () => payWhileAsleep(lab, database)),
      ),
    )
  },
  sometimes: ['pause.payments >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const events = eventsByPayment(evidence)
    return {
      payments: events.length,
      settledTwice: events.filter(told => told > 1).length,
    }
  },
  shows: { figure: 'settledTwice', of: 'payments', atLeast: 1, unit: 'payments settled twice' },
}

/**
 * The time after which a payment is taken over is not waited for: the row is dated back. So all of it
 * happens within the two seconds that the owner gives the provider, and it wakes up with an answer.
 */
async function payWhileAsleep({ system, client, noteFault }: Lab, database: pg.Client) {
  const paying = client.pay('acme')
  const paymentId = await eventually('a payment is begun', () => pendingPayment(database), begunMs)
  noteFault('process', 'begin', 'payments', { signal: 'SIGSTOP' })
  await system.signal('payments', 'SIGSTOP')
  // Or it was stopped before it could ask; then it asks when it wakes up, and that does as well.
  await waitUntil(async () => (await chargesOf(system, paymentId)) > 0, chargedMs, lookMs)
  await database.query('UPDATE payments SET next_check_at = now() WHERE payment_id = $1', [
    paymentId,
  ])
  await waitUntil(async () => (await pendingPayment(database)) === undefined, overtakenMs, lookMs)
  await system.signal('payments', 'SIGCONT')
  noteFault('process', 'end', 'payments')
  await paying
}

async function pendingPayment(database: pg.Client): Promise<string | undefined> {
  const { rows } = await database.query<{ payment_id: string }>(
    `SELECT payment_id FROM payments WHERE status = 'pending'`,
  )
  return rows[0]?.payment_id
}

async function chargesOf({ urls }: Lab['system'], paymentId: string): Promise<number> {
  const answer = await fetch(`${urls.cardProvider}/log?payment_id=${paymentId}`)
  const { lines } = (await answer.json()) as { lines: { type: string }[] }
  return lines.filter(({ type }) => type === 'intent.succeeded').length
}

/** Of each payment, how many different events say that it was captured. */
function eventsByPayment(evidence: Evidence): number[] {
  const events = rowsOf(evidence.records).flatMap(({ event }) =>
    event?.type === 'payment.captured' ? [event] : [],
  )
  return [...Map.groupBy(events, ({ aggregateId }) => aggregateId).values()].map(
    told => new Set(told.map(({ eventId }) => eventId)).size,
  )
}
