import { randomUUID } from 'node:crypto'
import {
  databaseAway,
  type KafkaLab,
  openKafkaLab,
  paymentCaptured,
  topic,
} from '@nightshift/load-tests/harness/kafka-lab'
import { eventually } from '@nightshift/load-tests/harness/test-client'
import { findFreePorts } from '@nightshift/local/ports/free-ports'
import { describe, expect, inject, test } from 'vitest'
import { buildOperationsServer } from '../src/http/operations-server.ts'
import type { RunningConsumer } from '../src/kafka/consumer.ts'

/** Instead of 15 s. Longer than a consumer needs to join, and than the pause between heartbeats. */
const stalledAfterMs = 3_000

function openLab(): Promise<KafkaLab> {
  return openKafkaLab(inject('parts').kafkaBrokers)
}

const until = (what: string, isSo: () => boolean | Promise<boolean>) =>
  eventually(what, async () => ((await isSo()) ? true : undefined))

/** What readiness, the metric and the log show of a consumer. */
async function seenOf(lab: KafkaLab, consumer: RunningConsumer) {
  const operations = buildOperationsServer(
    lab.registry,
    { isLive: () => true, isReady: () => true },
    [consumer],
  )
  const ready = await operations.inject('/health/ready')
  const metrics = (await operations.inject('/metrics')).body
  await operations.close()
  const [, seconds] = /^consumer_without_progress_seconds\{.*\} (.*)$/m.exec(metrics) ?? []
  return {
    status: ready.statusCode,
    body: ready.json(),
    seconds: Number(seconds),
    told: lab.lines.map(line => line.event).filter(event => event.startsWith('consumer.')),
  }
}

/** Without this a consumer that is dead for hours looks healthy (tulios/kafkajs#1475). */
describe.concurrent('a consumer without progress is reported, and readiness does not change', () => {
  test('while it retries one record, until the record is applied', async () => {
    await using lab = await openLab()
    let isAway = true
    const handled: string[] = []
    const handle = async (event: { eventId: string }) => {
      if (isAway) throw databaseAway()
      handled.push(event.eventId)
      return 'applied' as const
    }
    const consumer = lab.consume(handle, { stalledAfterMs })
    const events = [paymentCaptured(randomUUID()), paymentCaptured(randomUUID())]
    await lab.writeEvents(0, ...events)
    await until('it is stalled', () => consumer.stall() !== undefined)
    await until('it is told', async () => (await seenOf(lab, consumer)).told.length > 0)
    const seen = await seenOf(lab, consumer)
    expect(seen).toMatchObject({
      status: 200,
      body: {
        status: 'ready',
        stalled: [
          {
            topic,
            partition: 0,
            offset: '0',
            because: expect.stringMatching(/^it failed \d+ times: Error ECONNREFUSED$/),
          },
        ],
      },
      told: ['consumer.stalled'],
    })
    expect(seen.seconds).toBeGreaterThanOrEqual(stalledAfterMs / 1000)

    isAway = false
    await until('it goes on', () => handled.length === 2)
    await until('that is told', async () => {
      const { told, seconds } = await seenOf(lab, consumer)
      return told.at(-1) === 'consumer.resumed' && seconds < stalledAfterMs / 1000
    })
    const { status, body } = await seenOf(lab, consumer)
    expect({ status, body }).toEqual({ status: 200, body: { status: 'ready' } })
  })

  test('while its handler does not return', async () => {
    await using lab = await openLab()
    const release = Promise.withResolvers<'applied'>()
    const consumer = lab.consume(() => release.promise, { stalledAfterMs })
    await lab.writeEvents(3, paymentCaptured(randomUUID()))
    await until('it is at the record', () => consumer.stall()?.partition === 3)
    expect(consumer.stall()).toMatchObject({ because: 'its handler has not returned' })
    release.resolve('applied')
    await until('it goes on', () => consumer.stall() === undefined)
  })

  test('while there is no broker', async () => {
    await using lab = await openLab()
    const [port = 0] = await findFreePorts(1)
    const brokers = `127.0.0.1:${port}`
    const options = { stalledAfterMs, brokers }
    const consumer = lab.consume(async () => 'applied', options)
    await until('it is stalled', () => consumer.stall() !== undefined)
    expect(consumer.stall()).toEqual({
      topic,
      seconds: expect.any(Number),
      because: 'Kafka has not answered yet',
    })
  })

  test('but not while it has no record to apply, or no partition', async () => {
    await using lab = await openLab()
    const consumers = Array.from({ length: 5 }, () =>
      lab.consume(async () => 'applied', { stalledAfterMs: 6_000 }),
    )
    const stalls: unknown[] = []
    const startedMs = performance.now()
    await until('a time has passed that is longer than the limit', () => {
      stalls.push(...consumers.map(consumer => consumer.stall()).filter(stall => stall))
      return performance.now() - startedMs > 9_000
    })
    expect(stalls).toEqual([])
  })
})
