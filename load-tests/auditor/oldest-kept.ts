import { eventsKeptDays } from '@nightshift/contracts/topics'
import { type Evidence, rowsOf } from './evidence.ts'

const dayMs = 86_400_000

/**
 * The time from which a topic has all of its events. It forgets the oldest, and services forget later
 * what they remembered of them, so what is older can't be judged by the topic.
 * @returns milliseconds since 1970, or -Infinity if the topic has forgotten nothing
 */
export function oldestKeptMs(evidence: Evidence, topic: string): number {
  const hasForgotten = rowsOf(evidence.partitions).some(row => row.topic === topic && row.start > 0)
  if (!hasForgotten) return Number.NEGATIVE_INFINITY
  return Math.max(mayForgetMs(evidence), youngestForgottenMs(evidence, topic))
}

/** Whether a topic lacks events that are younger than a topic may forget. */
export function isForgottenEarly(evidence: Evidence, topic: string): boolean {
  return youngestForgottenMs(evidence, topic) > mayForgetMs(evidence)
}

/**
 * When the youngest event was made that a topic has forgotten. The outboxes say so, because they keep
 * their events for longer. The oldest record that is left does not say so: after a week without an
 * event it is minutes old, although nothing was forgotten early.
 * @returns -Infinity if the outboxes remember no such event
 */
function youngestForgottenMs(evidence: Evidence, topic: string): number {
  const beginMs = beginOfForgetfulMs(evidence, topic)
  const onTopic = new Set(
    rowsOf(evidence.records).flatMap(record =>
      record.topic === topic && record.event ? [record.event.eventId] : [],
    ),
  )
  return [...rowsOf(evidence.paymentOutbox), ...rowsOf(evidence.listingOutbox)]
    .filter(row => row.topic === topic && row.publishedAt !== null && row.createdAt < beginMs)
    .filter(({ eventId }) => !onTopic.has(eventId))
    .reduce((youngest, { createdAt }) => Math.max(youngest, createdAt), Number.NEGATIVE_INFINITY)
}

/**
 * Where the latest of the partitions begins that have forgotten records. Which partition an event was
 * in is not in the outbox, so a missing event that is younger than this is lost, and an older one may
 * be forgotten. Kafka keeps the newest segment of a partition whatever its size, so a partition without
 * any record has forgotten by age.
 */
function beginOfForgetfulMs(evidence: Evidence, topic: string): number {
  const oldestByPartition = new Map<number, number>()
  for (const record of rowsOf(evidence.records)) {
    if (record.topic !== topic) continue
    const oldest = oldestByPartition.get(record.partition) ?? Number.POSITIVE_INFINITY
    oldestByPartition.set(record.partition, Math.min(oldest, record.t))
  }
  return rowsOf(evidence.partitions)
    .filter(row => row.topic === topic && row.start > 0)
    .map(({ partition }) => oldestByPartition.get(partition) ?? mayForgetMs(evidence))
    .reduce((latest, t) => Math.max(latest, t), Number.NEGATIVE_INFINITY)
}

/** An event that is older than this may be gone from its topic. */
function mayForgetMs(evidence: Evidence): number {
  const [rest] = rowsOf(evidence.quiescence)
  return (rest?.finishedAt ?? newestMs(evidence)) - eventsKeptDays * dayMs
}

/** About the time of the collection, for evidence that was collected without waiting for rest. */
function newestMs({ paymentOutbox, listingOutbox, provider }: Evidence): number {
  const times = [
    ...rowsOf(paymentOutbox).map(({ createdAt }) => createdAt),
    ...rowsOf(listingOutbox).map(({ createdAt }) => createdAt),
    ...rowsOf(provider).map(({ t }) => t),
  ]
  return times.reduce((latest, t) => Math.max(latest, t), Number.NEGATIVE_INFINITY)
}
