/**
 * Fault:    the process dies between COMMIT and publish, or Kafka is away.
 * Without:  load-tests/results/outbox.json (events lost); the code is `naive.ts`.
 * With:     the event is committed with the change, and a relay publishes it, at least once.
 * Switch:   PATTERN_OUTBOX=naive
 */
import { deleteRows } from '@nightshift/runtime/postgres/delete-rows'
import {
  inTransaction,
  type Queryable,
  type Transaction,
} from '@nightshift/runtime/postgres/postgres'
import { currentTraceparent } from '@nightshift/runtime/telemetry/tracing'
import type { Pool } from 'pg'
import { crashpoint } from './crash-points.ts'
import type { Outbox, OutboxEvent, StagedEvent } from './types.ts'

/**
 * Events wait in the table `outbox` (schema.sql), written by the transaction that made them true.
 *
 * The order of one aggregate's events is the order of their ids only because the aggregate's row is
 * locked (by its UPDATE) before the event is written. Announce after the change, never before.
 * @param relay publishes what waits: `outboxRelay`, or nothing where another process does it
 */
export function outbox<Event extends OutboxEvent>(
  pool: Pool,
  topic: string,
  relay: Outbox['run'],
): Outbox<Event> {
  return {
    transact: async work => {
      const result = await inTransaction(pool, tx =>
        work(tx, event => insert(tx, stage(topic, event))),
      )
      await crashpoint('outbox.committed')
      return result
    },
    stage: event => stage(topic, event),
    committed: () => crashpoint('outbox.committed'),
    run: relay,
  }
}

/**
 * The context of the trace is a column: when the relay gets to publish, the request that caused the
 * event is long over, and the relay's own context would be the wrong parent.
 */
function stage(topic: string, event: OutboxEvent): StagedEvent {
  return {
    eventId: event.eventId,
    topic,
    aggregateId: event.aggregateId,
    payload: JSON.stringify(event),
    traceparent: currentTraceparent() ?? null,
  }
}

async function insert(tx: Transaction, event: StagedEvent): Promise<void> {
  const { eventId, topic, aggregateId, payload, traceparent } = event
  await tx.query({
    name: 'stage_event',
    text: `INSERT INTO outbox (event_id, topic, aggregate_id, payload, traceparent)
           VALUES ($1, $2, $3, $4, $5)`,
    values: [eventId, topic, aggregateId, payload, traceparent],
  })
}

/**
 * Deletes events that were published so long ago that their topic does not have them any more. The
 * ids are in the order of time, so the first rows are the oldest, and no further index is needed.
 * @param keptDays longer than the topic keeps its records, because until then a row is the proof that
 * its event was meant
 */
export function deletePublishedEvents(
  db: Queryable,
  keptDays: number,
  rowsMax: number,
): Promise<number> {
  return deleteRows(db, {
    name: 'delete_published_events',
    table: 'outbox',
    oldest: `SELECT place FROM (
               SELECT ctid AS place, published_at FROM outbox ORDER BY id LIMIT ${rowsMax}) AS first
             WHERE published_at < now() - $1 * interval '1 day'`,
    values: [keptDays],
  })
}
