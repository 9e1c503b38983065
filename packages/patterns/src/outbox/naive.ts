import type { Publish } from '@nightshift/runtime/kafka/producer'
import { inTransaction } from '@nightshift/runtime/postgres/postgres'
import { injectInto } from '@nightshift/runtime/telemetry/tracing'
import type { Pool } from 'pg'
import { crashpoint } from './crash-points.ts'
import type { Outbox, OutboxEvent } from './types.ts'

/**
 * The dual write that most teams ship first: commit, then publish. It works as long as no process
 * dies in between and Kafka is there. An event that was not published then is never published.
 */
export function publishAfterCommit<Event extends OutboxEvent>(
  pool: Pool,
  topic: string,
  publish: Publish,
): Outbox<Event> {
  async function publishNow(events: readonly Event[]): Promise<void> {
    await crashpoint('outbox.committed')
    if (events.length > 0) await publish(events.map(event => recordOf(topic, event)))
  }

  return {
    transact: async work => {
      const announced: Event[] = []
      const result = await inTransaction(pool, tx =>
        work(tx, async event => {
          announced.push(event)
        }),
      )
      await publishNow(announced)
      return result
    },
    stage: () => undefined,
    committed: publishNow,
    run: async () => {},
  }
}

function recordOf(topic: string, event: OutboxEvent) {
  return {
    topic,
    key: event.aggregateId,
    value: JSON.stringify(event),
    headers: injectInto({ 'content-type': 'application/json' }),
  }
}
