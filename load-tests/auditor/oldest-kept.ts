import { eventsKeptDays } from '@nightshift/contracts/topics'
import { type Evidence, rowsOf } from './evidence.ts'

const dayMs = 86_400_000

/**
 * The time from which a topic has all of its events. It forgets the oldest, and services forget later
 * what they remembered of them, so what is older can't be judged by the topic.
 * @returns milliseconds since 1970, or -Infinity if the topic has forgotten nothing
 */
export function oldestKeptMs(evidence: Evidence, topic: string): number {
  const forgetful = rowsOf(evidence.partitions).filter(row => row.topic === topic && row.start > 0)
  const records = rowsOf(evidence.records).filter(record => record.topic === topic)
  return forgetful.reduce((latest, { partition }) => {
    const left = records.filter(record => record.partition === partition)
    const oldest = left.reduce((first, { t }) => Math.min(first, t), Number.POSITIVE_INFINITY)
    const from = left.length > 0 ? oldest : newestMs(evidence) - eventsKeptDays * dayMs
    return Math.max(latest, from)
  }, Number.NEGATIVE_INFINITY)
}

/** Whether a topic lacks events that are younger than a topic may forget. */
export function isForgottenEarly(evidence: Evidence, topic: string): boolean {
  return oldestKeptMs(evidence, topic) > newestMs(evidence) - eventsKeptDays * dayMs
}

/** About the time of the collection. The clock says nothing about evidence that is judged again. */
function newestMs({ paymentOutbox, listingOutbox, provider }: Evidence): number {
  const times = [
    ...rowsOf(paymentOutbox).map(({ createdAt }) => createdAt),
    ...rowsOf(listingOutbox).map(({ createdAt }) => createdAt),
    ...rowsOf(provider).map(({ t }) => t),
  ]
  return times.reduce((latest, t) => Math.max(latest, t), Number.NEGATIVE_INFINITY)
}
