export type Topic = { name: string; partitions: number; retentionMs: number }

const dayMs = 24 * 60 * 60 * 1000

/**
 * Longer than the longest outage after which a consumer catches up by itself. Services remember events
 * for longer, in outboxes as a proof and in inboxes to recognise them.
 */
export const eventsKeptDays = 7

/**
 * Every topic of the system. Topics are created before the services start: a topic that is created
 * on first use would hide a misspelled name.
 */
export const topics: readonly Topic[] = [
  { name: 'payments.v1', partitions: 4, retentionMs: eventsKeptDays * dayMs },
  { name: 'listings.v1', partitions: 4, retentionMs: eventsKeptDays * dayMs },
  // One partition: dead letters are few, and a person reads them in order.
  { name: 'listings.dead-letters.v1', partitions: 1, retentionMs: 28 * dayMs },
  { name: 'notifications.dead-letters.v1', partitions: 1, retentionMs: 28 * dayMs },
]
