import { randomBytes, randomUUID } from 'node:crypto'
import { PaymentEvent } from '@nightshift/contracts/events'
import { deleteTopics, prepareTopics } from '@nightshift/local/prepare/prepare-topics'
import { waitUntil } from '@nightshift/local/wait-until'
import { retryThenDeadLetter } from '@nightshift/patterns/dead-letters/dead-letters'
import type { DeadLettersLogEvent } from '@nightshift/patterns/dead-letters/log-events'
import { openKafka } from '@nightshift/runtime/kafka/client'
import {
  type Applied,
  type ConsumerOptions,
  type RunningConsumer,
  runConsumer,
} from '@nightshift/runtime/kafka/consumer'
import { consumerMetrics } from '@nightshift/runtime/kafka/consumer-metrics'
import {
  type KafkaRecord,
  openKafkaProducer,
  type Publish,
} from '@nightshift/runtime/kafka/producer'
import type { RuntimeLogEvent } from '@nightshift/runtime/telemetry/log-events'
import { type LogFields, openLog } from '@nightshift/runtime/telemetry/logger'
import type { IHeaders, Message } from 'kafkajs'
import { Registry } from 'prom-client'

export const topic = 'payments.v1'

const patienceMs = 20_000

export type PaymentCaptured = Extract<PaymentEvent, { type: 'payment.captured' }>

/** What a dead letter says about its record. */
export type DeadLetter = {
  reason: string
  topic: string
  partition: number
  offset: string
  key: string | null
  value: string | null
  headers: Record<string, string[]>
}

/** An event that fits the contract of its topic. */
export function paymentCaptured(aggregateId: string, aggregateVersion = 1): PaymentCaptured {
  return {
    eventId: randomUUID(),
    type: 'payment.captured',
    version: 1,
    occurredAt: new Date().toISOString(),
    tenantId: randomUUID(),
    aggregateId,
    aggregateVersion,
    data: {
      paymentId: aggregateId,
      listingId: randomUUID(),
      publicationId: randomUUID(),
      amountCents: 9_900,
      currency: 'EUR',
    },
  }
}

type ConsumeOptions = { publishLetters?: Publish } & Partial<
  Pick<ConsumerOptions<PaymentCaptured>, 'policy' | 'stalledAfterMs' | 'brokers'>
>

export type KafkaLab = Awaited<ReturnType<typeof openKafkaLab>>

/** Topics and groups of its own on the broker of this test run, and a producer that writes anything. */
export async function openKafkaLab(brokers: string) {
  await using undo = new AsyncDisposableStack()
  const prefix = `lab_${randomBytes(4).toString('hex')}.`
  const lines: LogFields<string>[] = []
  const log = openLog<RuntimeLogEvent | DeadLettersLogEvent>('lab', {
    write: line => void lines.push(JSON.parse(line)),
  })
  const registry = new Registry()
  const metrics = consumerMetrics(registry)
  undo.defer(() => deleteTopics(brokers, prefix))
  await createTopics(brokers, prefix)

  const kafka = openKafka('lab', brokers, { retries: 5 }, log)
  const writer = kafka.producer({ allowAutoTopicCreation: false })
  undo.defer(() => writer.disconnect())
  await writer.connect()
  const producer = undo.adopt(openKafkaProducer('lab', brokers, prefix, log), p => p.close())

  const letters: DeadLetter[] = []
  /** The real producer; what it published as a dead letter can be looked at. */
  const publish: Publish = async (records: readonly KafkaRecord[]) => {
    await producer.publish(records)
    for (const { value } of records) letters.push(JSON.parse(value))
  }
  const consumers: RunningConsumer[] = []
  undo.defer(async () => {
    await Promise.all(consumers.map(consumer => consumer.close()))
  })

  /** A consumer of the service `listings`; all of one lab are one group. */
  const consume = (
    handle: (event: PaymentCaptured) => Promise<Applied>,
    { publishLetters = publish, ...overrides }: ConsumeOptions = {},
  ): RunningConsumer => {
    const service = 'listings'
    const consumer = runConsumer<PaymentCaptured>({
      service,
      topic,
      prefix,
      brokers,
      schema: PaymentEvent,
      handle,
      policy: retryThenDeadLetter({ service, publish: publishLetters, log }),
      log,
      metrics,
      ...overrides,
    })
    consumers.push(consumer)
    return consumer
  }

  /** Writes to one partition what no producer of ours would write. */
  const write = async (partition: number, ...messages: (Omit<Message, 'value'> & Value)[]) => {
    const whole = messages.map(message => ({ key: 'k', ...message, partition }) as Message)
    await writer.send({ topic: prefix + topic, messages: whole })
  }
  const writeEvents = (partition: number, ...events: PaymentCaptured[]) =>
    write(partition, ...events.map(event => ({ value: JSON.stringify(event) })))

  const disposal = undo.move()
  return {
    prefix,
    brokers,
    lines,
    log,
    registry,
    metrics,
    letters,
    publish: producer.publish,
    consume,
    write,
    writeEvents,
    [Symbol.asyncDispose]: () => disposal.disposeAsync(),
  }
}

/** Right after creating it, the broker may say that it has no such topic; asking again helps. */
async function createTopics(brokers: string, prefix: string): Promise<void> {
  const there = () =>
    prepareTopics(brokers, prefix).then(
      () => true,
      () => false,
    )
  if (!(await waitUntil(there, patienceMs))) throw new Error('the topics could not be created')
}

type Value = { value: string | Buffer | null; headers?: IHeaders }

/** @throws when it is not so in time, with what there was instead */
export async function expectSoon(what: string, isSo: () => boolean, seen: () => unknown) {
  if (await waitUntil(isSo, patienceMs, 10)) return
  throw new Error(`not within ${patienceMs} ms: ${what}; there was ${JSON.stringify(seen())}`)
}

/** The error that a driver throws when the database is not there. */
export function databaseAway(): Error {
  return Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' })
}
