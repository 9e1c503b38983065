/**
 * Fault:    Kafka delivers the same event again: after a crash, a rebalance, or a relay's retry.
 * Without:  load-tests/results/replayed-topics.json (put aside); the code is `naive.ts`.
 * With:     the effect is applied once for each consumer and event id.
 * Switch:   PATTERN_INBOX=naive
 */
import type { Queryable } from '@nightshift/runtime/postgres/postgres'

/**
 * Remembers in the table `inbox` (schema.sql) that this consumer applies this event. Call it first
 * in the transaction of the effect: a row is there if and only if what followed from the event is.
 * Two transactions with the same event do not overlap: the second waits here for the first to end.
 * @returns false when this consumer has applied the event before
 */
export async function rememberEvent(
  tx: Queryable,
  consumer: string,
  eventId: string,
): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'remember_event',
    text: 'INSERT INTO inbox (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    values: [consumer, eventId],
  })
  return rowCount === 1
}

export type RememberEvent = typeof rememberEvent
