import { setTimeout as sleep } from 'node:timers/promises'
import { emptyRedisDatabase } from '@nightshift/local/prepare/redis-database'
import { countCharges } from '../harness/count-charges.ts'
import { whilePaymentsDies } from '../harness/while-payments-dies.ts'
import { whileSlow } from '../harness/with-provider-faults.ts'
import { runIntents } from '../reporting/measure.ts'
import type { Experiment, Lab } from '../runner/experiment.ts'

const concurrency = 3
const copies = 2
const providerLatencyMs = 150
/** Shorter than the provider takes, so that the first answer comes too late. */
const impatientMs = 100
const patientMs = 5_000
/** Between two flushes: shorter than a client waits before it asks again. */
const flushMs = 50
/** Each life of payments ends after so many answers of the provider. */
const answersPerLife = 3

/** Answers that are kept in Redis: asked twice at once, forgotten, and never written. */
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
  method: async lab => {
    const { client } = lab
    const each = Math.ceil(lab.size / 3)
    await whileSlow(lab, providerLatencyMs, async () => {
      await runIntents(each, concurrency, async () => {
        await client.payAtOnce('acme', copies)
      })
      await whileRedisForgets(lab, () =>
        runIntents(each, concurrency, async () => {
          await client.pay('acme', 'pm_card_visa', attempt =>
            attempt === 1 ? impatientMs : patientMs,
          )
        }),
      )
      await whilePaymentsDies(lab, 'charge.answered', answersPerLife, () =>
        runIntents(each, concurrency, async () => {
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

/** Flushed again and again, as by an eviction that always hits what is needed next. */
async function whileRedisForgets({ system, noteFault }: Lab, work: () => Promise<void>) {
  noteFault('flush', 'begin', 'redis')
  let isOver = false
  const flushing = (async () => {
    while (!isOver) {
      await emptyRedisDatabase(system.redisUrl)
      await sleep(flushMs)
    }
  })()
  await Promise.all([work().finally(() => (isOver = true)), flushing])
  noteFault('flush', 'end', 'redis')
}
