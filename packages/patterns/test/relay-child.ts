/**
 * A relay in a process of its own, which a test freezes and ends. With `freezeAt`, it freezes itself
 * when it is about to publish that event, or just after Kafka has acknowledged it.
 */

import { openKafkaProducer, type Publish } from '@nightshift/runtime/kafka/producer'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { Registry } from 'prom-client'
import { outboxMetrics } from '../src/outbox/metrics.ts'
import { outboxRelay } from '../src/outbox/relay.ts'

const [connectionString = '', brokers = '', prefix = '', when = '', freezeAt = ''] =
  process.argv.slice(2)
const log = openLog('relay')
const metrics = outboxMetrics(new Registry())
const producer = openKafkaProducer('relay', brokers, prefix, log)

const publish: Publish = async (records, sendBeforeMs) => {
  const isMoment = records.some(record => record.value === freezeAt)
  if (isMoment && when === 'before') process.kill(process.pid, 'SIGSTOP')
  await producer.publish(records, sendBeforeMs)
  if (isMoment && when === 'after') process.kill(process.pid, 'SIGSTOP')
}

const ageEveryMs = 100
setInterval(async () => {
  const [oldest] = (await metrics.oldestSeconds.get()).values
  process.stdout.write(`${JSON.stringify({ event: 'age', seconds: oldest?.value })}\n`)
}, ageEveryMs)
await outboxRelay({ connectionString, publish, log, metrics })(AbortSignal.timeout(60_000))
