export type Topic = {
  name: string
  partitions: number
  /** Records are deleted when they are older, or when their partition is larger. */
  retentionMs: number
  retentionBytes: number
}

const dayMs = 24 * 60 * 60 * 1000

/**
 * Longer than the longest outage after which a consumer catches up by itself. Services remember events
 * for longer, in outboxes as a proof and in inboxes to recognise them.
 */
export const eventsKeptDays = 7

/**
 * Kafka deletes whole segments of a partition. A new one is begun once a day, so that the oldest record
 * is no more than a day older than it should be.
 */
export const segmentMs = dayMs

/** At 25 payments a second, four partitions of this size hold half a week. */
const partitionBytes = 1024 ** 3

const kept = { retentionMs: eventsKeptDays * dayMs, retentionBytes: partitionBytes }
const lettersKept = { retentionMs: 28 * dayMs, retentionBytes: partitionBytes / 4 }

/**
 * Every topic of the system. Topics are created before the services start: a topic that is created
 * on first use would hide a misspelled name.
 */
export const topics: readonly Topic[] = [
  { name: 'payments.v1', partitions: 4, ...kept },
  { name: 'listings.v1', partitions: 4, ...kept },
  // One partition: dead letters are few, and a person reads them in order.
  { name: 'listings.dead-letters.v1', partitions: 1, ...lettersKept },
  { name: 'notifications.dead-letters.v1', partitions: 1, ...lettersKept },
]
