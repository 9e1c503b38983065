import { setTimeout as sleep } from 'node:timers/promises'
import { context, type Link, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import type { Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { JsonRefused, parseStrictJson } from '../http/strict-json.ts'
import { reachCrashPoint } from '../process/crashpoint.ts'
import { fullJitterMs } from '../process/jitter.ts'
import type { Log } from '../telemetry/logger.ts'
import { inSpan, SpanKind, spanContextFrom } from '../telemetry/tracing.ts'
import { openKafka } from './client.ts'
import type { ConsumerMetrics } from './consumer-metrics.ts'
import {
  type ConsumerProgress,
  type Position,
  type Stall,
  watchProgress,
} from './consumer-progress.ts'
import type { ReceivedRecord } from './record-batches.ts'

/**
 * What became of an event. `duplicate`: it had been applied before, nothing was done.
 * `refused`: it fits its contract and yet can't be true; no other try will succeed.
 */
export type Applied = 'applied' | 'duplicate' | 'ignored' | { refused: string }

/** One record that has to be dealt with before the next one of its partition is. */
export type Delivery = Readonly<{
  record: ReceivedRecord
  at: Position
  /**
   * Tries it once. Answers undefined when the record was dealt with, or the reason why no other try
   * will succeed. Throws what the handler throws.
   */
  attempt: () => Promise<string | undefined>
  /** Tells readiness why the record is not dealt with yet. */
  failed: (because: string) => void
  /** Keeps the partition. False when the consumer has to leave it: the record comes again. */
  stay: () => Promise<boolean>
}>

/** Decides how often a record is tried, and what becomes of one that can't be applied. */
export type FailurePolicy = (delivery: Delivery) => Promise<'applied' | 'dead-lettered' | 'left'>

export type ConsumerOptions<Event> = {
  service: string
  topic: string
  /** Prefix of topic and group names, for tests that share a broker. */
  prefix: string
  brokers: string
  /** The contract of the topic's events. */
  schema: TSchema
  handle: (event: Event) => Promise<Applied>
  policy: FailurePolicy
  log: Log
  metrics: ConsumerMetrics
  /** Ends it before `close` is called, so that it leaves while requests are still being drained. */
  stopping?: AbortSignal
  /** How long without progress is a stall. */
  stalledAfterMs?: number
}

export type RunningConsumer = {
  /** What the consumer has been waiting for, if that is too long; undefined while all is well. */
  stall: () => Stall | undefined
  close: () => Promise<void>
}

/** The place at which an experiment can end a process that consumes. */
export const consumerCrashPoints = {
  'event.applied':
    'The effect of an event is committed and its offset is not: the event will come again.',
} as const

const crashpoint = (label: keyof typeof consumerCrashPoints) => reachCrashPoint(label)

const stalledAfterMs = 15_000
const sessionTimeoutMs = 6_000
const heartbeatIntervalMs = 1_000
const rebalanceTimeoutMs = 20_000
const maxWaitMs = 250
const disconnectDeadlineMs = 2_000
const replaceBaseMs = 100
const replaceCapMs = 2_000
/** Protocol errors that KafkaJS must see to rejoin the group: 22, 25 and 27 of the Kafka protocol. */
const rejoinTypes = new Set(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS'])

/**
 * Reads one topic, one record at a time per partition, at least once. The offset moves only after the
 * policy has dealt with the record. Returns at once: joining the group goes on in the background, so
 * that a service can serve what needs no Kafka while Kafka is away.
 *
 * The handler of KafkaJS never throws for a reason of ours: its retry counter is never reset
 * (tulios/kafkajs#1415), and an error that it takes for final stops the consumer in silence.
 */
export function runConsumer<Event>(options: ConsumerOptions<Event>): RunningConsumer {
  const stop = new AbortController()
  const { topic, log, metrics, stopping } = options
  const signal = stopping ? AbortSignal.any([stop.signal, stopping]) : stop.signal
  const progress = watchProgress({
    topic,
    stalledAfterMs: options.stalledAfterMs ?? stalledAfterMs,
    gauge: metrics.stalledSeconds,
    log,
  })
  const running = keepConsuming(options, progress, signal)
  return {
    stall: progress.stall,
    close: async () => {
      stop.abort()
      await running
      progress[Symbol.dispose]()
    },
  }
}

/**
 * A consumer that KafkaJS has given up is replaced by a new one, and not by a new process: the HTTP
 * server beside it works, and its callers would be refused meanwhile.
 */
async function keepConsuming<Event>(
  options: ConsumerOptions<Event>,
  progress: ConsumerProgress,
  signal: AbortSignal,
): Promise<void> {
  for (let replaced = 0; !signal.aborted; replaced += 1) {
    if (replaced > 0) {
      const waitMs = fullJitterMs(replaced, replaceBaseMs, replaceCapMs)
      await sleep(waitMs, undefined, { signal }).catch(() => undefined) // told to stop
    }
    if (!signal.aborted) await consumeUntilOver(options, progress, signal)
  }
}

/** Resolves when KafkaJS has given this consumer up, or when the signal aborts and it has left. */
async function consumeUntilOver<Event>(
  options: ConsumerOptions<Event>,
  progress: ConsumerProgress,
  signal: AbortSignal,
): Promise<void> {
  const { service, topic, prefix, brokers, log } = options
  const retry = { initialRetryTime: 100, maxRetryTime: 500, retries: 1_000 }
  const over = Promise.withResolvers<void>()
  let isOver = false
  const end = () => {
    isOver = true
    over.resolve()
  }
  const consumer: Consumer = openKafka(`${service}-consumer`, brokers, retry, log).consumer({
    groupId: `${prefix}${service}`,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: heartbeatIntervalMs,
    rebalanceTimeout: rebalanceTimeoutMs,
    maxWaitTimeInMs: maxWaitMs,
    minBytes: 1,
    allowAutoTopicCreation: false,
    retry: { ...retry, restartOnFailure: async () => !isOver },
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    const { restart, error } = payload
    progress.disconnected(`the consumer was given up: ${error.message}`)
    if (!isOver) log.error({ event: 'kafka.consumer_restarted', restart, error })
    if (!restart) end()
  })
  consumer.on(consumer.events.HEARTBEAT, () => progress.polled())
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    progress.assigned(payload.memberAssignment[prefix + topic] ?? [])
  })
  signal.addEventListener('abort', end, { once: true })
  const deliver = delivererOf(options, progress)
  const join = async () => {
    await consumer.connect()
    await consumer.subscribe({ topic: prefix + topic, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 2,
      eachBatch: payload => consumeBatch(payload, deliver, () => isOver),
    })
  }
  const joining = join().catch(error => {
    if (!isOver) log.error({ event: 'kafka.consumer_restarted', restart: false, error })
    progress.disconnected(`the consumer could not join: ${describeFailure(error)}`)
    end()
  })
  await over.promise
  signal.removeEventListener('abort', end)
  // Both wait for the broker; without one they would wait for ever.
  const left = joining.then(() => consumer.disconnect())
  await Promise.race([left, sleep(disconnectDeadlineMs, undefined, { ref: false })]).catch(
    () => undefined, // the group finds out by itself when our session ends
  )
}

/** Answers false when the record was not dealt with and must come again. */
type Deliver = (
  record: ReceivedRecord,
  at: Position,
  stay: () => Promise<boolean>,
) => Promise<boolean>

async function consumeBatch(
  payload: EachBatchPayload,
  deliver: Deliver,
  isStopping: () => boolean,
) {
  const { batch, resolveOffset, heartbeat, isRunning, isStale, commitOffsetsIfNecessary } = payload
  const mayGoOn = () => isRunning() && !isStale() && !isStopping()
  const stay = async () => {
    await heartbeat()
    return mayGoOn()
  }
  for (const message of batch.messages) {
    if (!mayGoOn()) return
    const at = { topic: batch.topic, partition: batch.partition, offset: message.offset }
    if (!(await deliver(message, at, stay))) return
    resolveOffset(message.offset)
    try {
      await commitOffsetsIfNecessary({
        topics: [
          {
            topic: batch.topic,
            partitions: [
              { partition: batch.partition, offset: String(BigInt(message.offset) + 1n) },
            ],
          },
        ],
      })
      await heartbeat()
    } catch (error) {
      if (rejoinTypes.has((error as { type?: string }).type ?? '')) throw error
      // The effect is committed; at worst the record comes again, and the inbox recognises it.
      return
    }
  }
}

function delivererOf<Event>(options: ConsumerOptions<Event>, progress: ConsumerProgress): Deliver {
  const { policy, metrics, topic } = options
  const deadLettered = { topic, type: 'unknown', outcome: 'dead_lettered' }
  // Prometheus sees an increase only of a series that was there before.
  metrics.eventsConsumed.inc(deadLettered, 0)
  const attempt = attempterOf(options)
  return async (record, at, stay) => {
    const startedMs = performance.now()
    let retries = -1
    progress.began(at)
    const end = await policy({
      record,
      at,
      attempt: () => {
        retries += 1
        return context.with(trace.deleteSpan(ROOT_CONTEXT), () =>
          attempt(record, at, { startedMs, retries }),
        )
      },
      failed: because => progress.failed(at, because),
      stay,
    })
    if (end === 'left') return false
    if (end === 'dead-lettered') metrics.eventsConsumed.inc(deadLettered)
    progress.done(at)
    return true
  }
}

type Attempt = (
  record: ReceivedRecord,
  at: Position,
  history: { startedMs: number; retries: number },
) => Promise<string | undefined>

function attempterOf<Event>(options: ConsumerOptions<Event>): Attempt {
  const { handle, schema, topic, log, metrics } = options
  const contract = Compile(schema)
  return async (record, at, { startedMs, retries }) => {
    if (record.unreadable) return `it can't be read: ${record.unreadable.reason}`
    const event = decode(record)
    if (!contract.Check(event)) return 'it does not fit the contract of its topic'
    const { type, eventId, occurredAt } = event as Record<'type' | 'eventId' | 'occurredAt', string>
    const links = linksToCause(record)
    // A new trace, linked to the one that caused it: a chain of events is not one endless request.
    const span = {
      kind: SpanKind.CONSUMER,
      parent: ROOT_CONTEXT,
      links,
      attributes: {
        'messaging.system': 'kafka',
        'messaging.destination.name': topic,
        'messaging.message.id': eventId,
      },
    }
    return inSpan(`process ${type}`, span, async () => {
      const applied = await handle(event as Event)
      if (typeof applied === 'object') return applied.refused
      const outcome = applied
      await crashpoint('event.applied')
      const durationMs = performance.now() - startedMs
      // A leap second is a time by the contract and none for JavaScript. The event is applied by now,
      // so a measurement must not fail.
      const occurredMs = Date.parse(occurredAt)
      const ageMs = Number.isNaN(occurredMs) ? 0 : Math.max(0, Date.now() - occurredMs)
      metrics.eventsConsumed.inc({ topic, type, outcome })
      metrics.eventSeconds.observe({ topic }, durationMs / 1000)
      metrics.eventAgeSeconds.observe({ topic }, ageMs / 1000)
      log.info({
        event: 'event.consumed',
        type,
        eventId,
        outcome,
        ...at,
        durationMs: Math.round(durationMs * 100) / 100,
        ageMs,
        retries,
        ...(links[0] ? { causeTraceId: links[0].context.traceId } : {}),
      })
      return undefined
    })
  }
}

/** What a span about a record links to: the span that published it, if its headers name one. */
export function linksToCause(record: KafkaMessage): Link[] {
  const cause = spanContextFrom(headerText(record, 'traceparent'))
  return cause ? [{ context: cause }] : []
}

/** A handler may throw anything. A code, such as 57014 of PostgreSQL, says more than a name. */
export function describeFailure(thrown: unknown): string {
  const name = thrown instanceof Error ? thrown.name : typeof thrown
  const { code } = (thrown ?? {}) as { code?: unknown }
  return typeof code === 'string' ? `${name} ${code}` : name
}

/** Answers undefined, which fits no contract, when the bytes are no text or no JSON. */
function decode(message: KafkaMessage): unknown {
  if (message.value === null) return undefined
  try {
    return parseStrictJson(message.value)
  } catch (error) {
    if (error instanceof JsonRefused) return undefined
    throw error
  }
}

function headerText(message: KafkaMessage, name: string): string | undefined {
  const value = message.headers?.[name]
  return Buffer.isBuffer(value)
    ? value.toString('utf8')
    : typeof value === 'string'
      ? value
      : undefined
}
