import type { Queryable } from '@nightshift/runtime/postgres/postgres'

/**
 * False if this consumer has applied this event before. In the transaction of the effect, so that
 * an event is remembered if and only if what followed from it is there. The table `inbox` is in the
 * migrations of each service that consumes.
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
