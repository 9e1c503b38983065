import { setTimeout as sleep } from 'node:timers/promises'
import type { Kafka, Producer } from 'kafkajs'
import { openKafka } from './kafka-client.ts'
import type { Log } from './logger.ts'

export type KafkaRecord = {
  topic: string
  key: string
  value: string
  headers: Record<string, string>
}

/** Resolves when every record is acknowledged; a throw means that any of them may or may not be. */
export type Publish = (records: readonly KafkaRecord[]) => Promise<void>

export type KafkaProducer = { publish: Publish; close: () => Promise<void> }

/** KafkaJS's own sends have no overall deadline: requests that wait in its queue never time out. */
const sendDeadlineMs = 5_000
const disconnectDeadlineMs = 1_000

/**
 * A producer with one send outstanding at a time, because KafkaJS's idempotent mode can lose an
 * acknowledged record after a lost answer, and concurrent sends can reorder. So: not idempotent,
 * all replicas, one in flight, and consumers that recognise a duplicate by the event's id.
 * After a send that failed the producer is thrown away, with whatever it still had in its queue.
 */
export function openKafkaProducer(
  clientId: string,
  brokers: string,
  prefix: string,
  log: Log,
): KafkaProducer {
  let current: Promise<Producer> | undefined
  let tail: Promise<unknown> = Promise.resolve()
  let closed = false

  const connect = async (): Promise<Producer> => {
    const kafka: Kafka = openKafka(
      clientId,
      brokers,
      { initialRetryTime: 50, maxRetryTime: 500, retries: 1 },
      log,
    )
    const producer = kafka.producer({
      idempotent: false,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
    })
    await producer.connect()
    return producer
  }

  const discard = async () => {
    const old = current
    current = undefined
    await old
      ?.then(producer =>
        Promise.race([
          producer.disconnect(),
          sleep(disconnectDeadlineMs, undefined, { ref: false }),
        ]),
      )
      .catch(() => undefined) // it is being thrown away because it is broken
  }

  const send = async (records: readonly KafkaRecord[]) => {
    if (closed) throw new Error('the Kafka producer is closed')
    const late = new AbortController()
    try {
      current ??= connect()
      const sending = current.then(producer =>
        producer.sendBatch({ acks: -1, topicMessages: byTopic(records, prefix) }),
      )
      sending.catch(() => undefined) // awaited below, unless the deadline came first
      await Promise.race([
        sending,
        sleep(sendDeadlineMs, undefined, { signal: late.signal }).then(() => {
          throw new Error(`Kafka did not acknowledge within ${sendDeadlineMs} ms`)
        }),
      ])
    } catch (error) {
      await discard()
      throw error
    } finally {
      late.abort()
    }
  }

  return {
    publish: records => {
      const mine = tail.then(() => send(records))
      tail = mine.catch(() => undefined) // the caller gets the error; the queue goes on
      return mine
    },
    close: async () => {
      closed = true
      await tail
      await discard()
    },
  }
}

function byTopic(records: readonly KafkaRecord[], prefix: string) {
  const groups = Map.groupBy(records, record => record.topic)
  return [...groups].map(([topic, messages]) => ({
    topic: prefix + topic,
    messages: messages.map(({ key, value, headers }) => ({ key, value, headers })),
  }))
}
