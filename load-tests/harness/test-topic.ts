import { randomUUID } from 'node:crypto'
import { openKafka } from '@nightshift/runtime/kafka/client'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import type { TestSystem } from './test-system.ts'

export type TestRecord = {
  key: string
  value: string
  /** The span that published it, where that was traced. */
  traceparent?: string
}

/** Reads and writes one topic of a test system. */
export type TestTopic = AsyncDisposable & {
  /** All records so far. A tombstone has an empty text. */
  read: () => Promise<TestRecord[]>
  /** Writes a record, as another producer might. */
  write: (key: string, value: string | null) => Promise<void>
}

const retry = { initialRetryTime: 50, maxRetryTime: 500, retries: 10 }

/** Reads a topic from its beginning, in a consumer group of its own. */
export async function openTestTopic(
  system: Pick<TestSystem, 'brokers' | 'prefix'>,
  name: string,
): Promise<TestTopic> {
  const log = openLog('test')
  log.setLevel('silent')
  const topic = system.prefix + name
  const kafka = openKafka('test', system.brokers, retry, log)
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  const groupId = `test-${randomUUID()}`
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 50, retry })
  const records: TestRecord[] = []
  await Promise.all([producer.connect(), consumer.connect()])
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      const traceparent = message.headers?.['traceparent']?.toString()
      records.push({
        key: String(message.key),
        value: message.value?.toString() ?? '',
        ...(traceparent !== undefined && { traceparent }),
      })
    },
  })
  return {
    read: async () => [...records],
    write: async (key, value) => {
      await producer.send({ topic, messages: [{ key, value }] })
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([consumer.disconnect(), producer.disconnect()])
    },
  }
}
