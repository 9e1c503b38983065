import type { AnyEvent } from '@nightshift/contracts/events'
import type { Publish } from '@nightshift/runtime/kafka/producer'
import { inTransaction } from '@nightshift/runtime/postgres/postgres'
import { injectInto } from '@nightshift/runtime/telemetry/tracing'
import type { Pool } from 'pg'
import { crashpoint } from './crash-points.ts'
import type { Outbox } from './types.ts'

/**
 * The dual write, as it is first written: commit, then publish. It works on every day on which
 * nothing dies in between and Kafka is there. What was not published then never will be.
 */
export function publishAfterCommit(
  pool: Pool,
  topicOf: (event: AnyEvent) => string,
  publish: Publish,
): Outbox {
  async function tell(events: readonly AnyEvent[]): Promise<void> {
    await crashpoint('outbox.committed')
    if (events.length > 0) await publish(events.map(event => recordOf(topicOf, event)))
  }

  return {
    transact: async work => {
      const announced: AnyEvent[] = []
      const result = await inTransaction(pool, tx =>
        work(tx, async event => {
          announced.push(event)
        }),
      )
      await tell(announced)
      return result
    },
    stage: () => undefined,
    committed: tell,
    run: async () => {},
  }
}

function recordOf(topicOf: (event: AnyEvent) => string, event: AnyEvent) {
  return {
    topic: topicOf(event),
    key: event.aggregateId,
    value: JSON.stringify(event),
    headers: injectInto({ 'content-type': 'application/json' }),
  }
}
