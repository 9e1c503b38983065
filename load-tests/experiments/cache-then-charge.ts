import { setTimeout as sleep } from 'node:timers/promises'
import { emptyRedisDatabase } from '@nightshift/local/prepare/redis-database'
import { runConcurrently } from '../harness/run-concurrently.ts'
import { whilePaymentsDies, whileSlow } from '../harness/while-faulty.ts'
import type { Experiment, ExperimentContext } from '../runner/experiment.ts'
import { countCharges } from './charge-figures.ts'

const concurrency = 3
const copies = 2
const providerLatencyMs = 150
/** Shorter than the provider's latency, so that the client gives up on its first attempt. */
const impatientMs = 100
const patientMs = 5_000
/** Shorter than the pause before a client tries again, so that every retry finds an empty cache. */
const flushMs = 50
/** How many answers of the provider each process instance of payments survives. */
const answersPerInstance = 3

/** The answers are kept in Redis: two copies come at once, Redis is flushed, or payments dies. */
export const cacheThenChargeExperiment: Experiment = {
  name: 'cache-then-charge',
  title: 'Asked twice at once, Redis flushed, killed after the charge; without: answers in a cache',
  area: 'payments',
  pattern: 'idempotency-key',
  hypothesis: 'A key outlives a flush of Redis and a death between the charge and its answer.',
  arms: { with: {}, naive: { payments: { PATTERN_IDEMPOTENCY_KEY: 'cache-then-charge' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 36, short: 12 },
  method: async context => {
    const { client } = context
    const third = Math.ceil(context.size / 3)
    await whileSlow(context, providerLatencyMs, async () => {
      await runConcurrently(third, concurrency, async () => {
        await client.payAtOnce('acme', copies)
      })
      await whileRedisForgets(context, () =>
        runConcurrently(third, concurrency, async () => {
          await client.pay('acme', 'pm_card_visa', attempt =>
            attempt === 1 ? impatientMs : patientMs,
          )
        }),
      )
      await whilePaymentsDies(context, 'charge.answered', answersPerInstance, () =>
        runConcurrently(third, concurrency, async () => {
          await client.pay('acme')
        }),
      )
    })
  },
  sometimes: ['intent.retried >= 1', 'attempt.lost >= 1', 'crash.payments >= 1'],
  figures: countCharges,
  shows: {
    figure: 'intentsChargedTooOften',
    of: 'intents',
    atLeast: 1,
    unit: 'charged too often',
  },
}

/** Flushes Redis again and again, like an eviction that always removes what is needed next. */
async function whileRedisForgets(
  { system, recordFault }: ExperimentContext,
  work: () => Promise<void>,
) {
  recordFault('flush', 'begin', 'redis')
  let isOver = false
  const flushing = (async () => {
    while (!isOver) {
      await emptyRedisDatabase(system.redisUrl)
      await sleep(flushMs)
    }
  })()
  await Promise.all([work().finally(() => (isOver = true)), flushing])
  recordFault('flush', 'end', 'redis')
}
