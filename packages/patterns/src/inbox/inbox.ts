/**
 * Fault:    Kafka delivers the same event again: after a crash, a rebalance, or a relay's retry.
 * Without:  load-tests/results/replayed-topics.json (put aside); the code is `naive.ts`.
 * With:     the effect is applied once for each consumer and event id.
 * Switch:   PATTERN_INBOX=naive
 */
import { deleteRows } from '@nightshift/runtime/postgres/delete-rows'
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

/**
 * Forgets events that were applied so long ago that their topic does not have them any more.
 * @param keptDays longer than the topic keeps its records
 */
export function forgetOldEvents(db: Queryable, keptDays: number, rowsMax: number): Promise<number> {
  return deleteRows(db, {
    name: 'forget_old_events',
    table: 'inbox',
    oldest: `SELECT ctid FROM inbox WHERE applied_at < now() - $1 * interval '1 day'
             ORDER BY applied_at LIMIT ${rowsMax}`,
    values: [keptDays],
  })
}
