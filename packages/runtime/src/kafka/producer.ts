import { setTimeout as sleep } from 'node:timers/promises'
import { type Kafka, Partitioners, type Producer } from 'kafkajs'
import type { Log } from '../telemetry/logger.ts'
import { openKafka } from './client.ts'

export type KafkaRecord = {
  topic: string
  key: string
  value: string
  headers: Record<string, string>
}

/**
 * Resolves when every record is acknowledged; a throw means that any of them may or may not be.
 * @param sendBeforeMs the time of `performance.now()` at which the right to send ends. No send begins
 *   after it, however long the process was frozen on the way.
 */
export type Publish = (records: readonly KafkaRecord[], sendBeforeMs?: number) => Promise<void>

export type KafkaProducer = { publish: Publish; close: () => Promise<void> }

/** KafkaJS's own sends have no overall deadline: requests that wait in its queue never time out. */
export const sendDeadlineMs = 5_000
const disconnectDeadlineMs = 1_000
/** The time of a send once the service is told to stop: a healthy broker answers in less. */
const stopSendMs = 1_000
/** A broker takes 1 MiB in one request and partition by default (`max.message.bytes`). */
const sliceBytesMax = 900_000
/** Lengths, timestamp and offset of one record, generously. */
const recordOverheadBytes = 100

/**
 * A producer with one send outstanding at a time, because KafkaJS's idempotent mode can lose an
 * acknowledged record after a lost answer, and concurrent sends can reorder. So: not idempotent,
 * all replicas, one in flight, and consumers that recognise a duplicate by the event's id.
 * After a failed send the producer is thrown away together with its queue.
 */
export function openKafkaProducer(
  clientId: string,
  brokers: string,
  prefix: string,
  log: Log,
  stopping?: AbortSignal,
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
      // The default. Named, because KafkaJS otherwise warns of it at every start.
      createPartitioner: Partitioners.DefaultPartitioner,
    })
    await producer.connect()
    return producer
  }

  const discard = async () => {
    const old = current
    current = undefined
    if (!old) return
    // The deadline is for connecting too: a broker that is silent holds that for half a minute.
    const gone = old.then(producer => producer.disconnect())
    await Promise.race([gone, sleep(disconnectDeadlineMs, undefined, { ref: false })]).catch(
      () => undefined, // it is being thrown away because it is broken
    )
  }

  const send = async (records: readonly KafkaRecord[], sendBeforeMs: number) => {
    if (closed) throw new Error('the Kafka producer is closed')
    const late = new AbortController()
    try {
      current ??= connect()
      const sending = current.then(async producer => {
        for (const slice of slicesOf(records)) {
          if (late.signal.aborted) return
          if (performance.now() >= sendBeforeMs)
            throw kafkaError('KafkaTooLate', 'too late to send')
          await producer.sendBatch({ acks: -1, topicMessages: byTopic(slice, prefix) })
        }
      })
      sending.catch(() => undefined) // awaited below, unless the deadline came first
      await Promise.race([
        sending,
        deadlineOf(late.signal, stopping).then(deadlineMs => {
          const message = `Kafka did not acknowledge within ${deadlineMs} ms`
          throw kafkaError('KafkaNotAcknowledged', message)
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
    publish: (records, sendBeforeMs = Number.POSITIVE_INFINITY) => {
      const mine = tail.then(() => send(records, sendBeforeMs))
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

/**
 * Resolves when a send has had its time, with that time. A service that stops gives it less: records
 * that were not acknowledged then are published after its next start.
 */
async function deadlineOf(over: AbortSignal, stopping?: AbortSignal): Promise<number> {
  const startedMs = performance.now()
  const stopped = new AbortController()
  const hurry = () => stopped.abort()
  if (stopping?.aborted) hurry()
  stopping?.addEventListener('abort', hurry, { once: true, signal: over })
  const signal = AbortSignal.any([over, stopped.signal])
  await sleep(sendDeadlineMs, undefined, { signal }).catch(() => undefined) // stopping, or over
  if (stopped.signal.aborted) await sleep(stopSendMs, undefined, { signal: over })
  over.throwIfAborted()
  return Math.round(performance.now() - startedMs)
}

function kafkaError(name: string, message: string): Error {
  return Object.assign(new Error(message), { name })
}

/** Splits records, in their order, into slices that the broker takes at once. KafkaJS never does. */
function slicesOf(records: readonly KafkaRecord[]): KafkaRecord[][] {
  const slices: KafkaRecord[][] = []
  let room = 0
  for (const record of records) {
    const bytes = bytesOf(record)
    if (bytes > room || slices.length === 0) {
      slices.push([])
      room = sliceBytesMax
    }
    slices.at(-1)?.push(record)
    room -= bytes
  }
  return slices
}

function bytesOf({ key, value, headers }: KafkaRecord): number {
  const texts = [key, value, ...Object.entries(headers).flat()]
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), recordOverheadBytes)
}

function byTopic(records: readonly KafkaRecord[], prefix: string) {
  const groups = Map.groupBy(records, record => record.topic)
  return [...groups].map(([topic, messages]) => ({
    topic: prefix + topic,
    messages: messages.map(({ key, value, headers }) => ({ key, value, headers })),
  }))
}
