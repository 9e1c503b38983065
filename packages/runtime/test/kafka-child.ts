/** Run as a process of its own by kafka-process.integration.test.ts; tells what it saw as JSON. */
import { createHook } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { PaymentEvent } from '@nightshift/contracts/events'
import { Registry } from 'prom-client'
import { runConsumer } from '../src/kafka/consumer.ts'
import { consumerMetrics } from '../src/kafka/consumer-metrics.ts'
import { openKafkaProducer } from '../src/kafka/producer.ts'
import { openLog } from '../src/telemetry/logger.ts'

const [mode = '', brokers = '', prefix = ''] = process.argv.slice(2)
const topic = 'payments.v1'
/** Long enough to tell a timer of 1 ms from one of 250 ms. */
const observedMs = 1_500

const lines: string[] = []
const log = openLog('child', { write: line => void lines.push(line) })
const producer = openKafkaProducer('child', brokers, prefix, log)
const warnings: string[] = []
process.on('warning', warning => warnings.push(warning.name))

let handled = 0
const consumer = runConsumer({
  service: 'listings',
  topic,
  prefix,
  brokers,
  schema: PaymentEvent,
  handle: async () => {
    handled += 1
    return 'applied'
  },
  policy: async ({ attempt }) => ((await attempt()) === undefined ? 'applied' : 'dead-lettered'),
  log,
  metrics: consumerMetrics(new Registry()),
})

/** How many timers are set in a second in which nothing happens. */
async function timersPerSecond(): Promise<number> {
  let timers = 0
  const hook = createHook({ init: (_id, type) => void (type === 'Timeout' && timers++) })
  hook.enable()
  await sleep(observedMs)
  hook.disable()
  return Math.round((timers * 1_000) / observedMs)
}

if (mode === 'idle') {
  while (handled === 0) await sleep(10)
  await producer.publish([{ topic, key: 'k', value: '', headers: {} }])
  process.stdout.write(`${JSON.stringify({ timersPerSecond: await timersPerSecond() })}\n`)
}
const startedMs = performance.now()
await Promise.all([consumer.close(), producer.close()])
const closeMs = Math.round(performance.now() - startedMs)
process.stdout.write(`${JSON.stringify({ closeMs, warnings, log: lines.join('') })}\n`)
process.exit(0)
