import { setTimeout as sleep } from 'node:timers/promises'
import type { Publish } from '@nightshift/runtime/kafka/producer'
import { runLoop } from '@nightshift/runtime/process/loop'
import type { Log } from '@nightshift/runtime/telemetry/logger'
import {
  contextFrom,
  failSpan,
  injectInto,
  SpanKind,
  startSpan,
} from '@nightshift/runtime/telemetry/tracing'
import pg from 'pg'
import { crashpoint } from './crash-points.ts'
import { keepLane, type Lease, sendBeforeMs, takeLane } from './lane.ts'
import type { OutboxMetrics } from './metrics.ts'

export type RelayOptions = {
  connectionString: string
  publish: Publish
  log: Log
  metrics: OutboxMetrics
}

const batchMax = 200
/** How long a commit may go unnoticed. LISTEN/NOTIFY would be faster and cost every commit. */
const idleMs = 50
const failureBackoffCapMs = 2_000
const statementTimeoutMs = 5_000
const leaveDeadlineMs = 1_000
/** How often a relay that waits for the lane looks at the age of the oldest event. */
const lookMs = 1_000

type Row = {
  id: string
  topic: string
  aggregate_id: string
  payload: string
  traceparent: string | null
  waited_ms: string
}

/**
 * Publishes the events of the outbox, oldest first: read, send, mark. No transaction is open while
 * Kafka is asked. A death between send and mark sends again, so delivery is at least once.
 *
 * One relay works at a time, the one that has the lane (`lane.ts`). Two with SKIP LOCKED would each
 * handle their rows correctly and together lose the order of an aggregate. A relay whose send or
 * statement failed leaves the lane to one that may reach Kafka.
 * The lane fences this system only: a relay that was frozen begins no send after its lease, and marks
 * nothing. Kafka knows no epochs. A request that was on its way arrives late, and consumers recognise
 * its events by their ids.
 * Rows are found by "not published yet" and never by "id above the last": ids are given out before
 * commits, so the row of a slow transaction would never be found.
 */
export function outboxRelay(options: RelayOptions): (signal: AbortSignal) => Promise<void> {
  return async signal => {
    const age = ageOfOldest(options.metrics)
    let session: { client: pg.Client; lease: Lease | undefined } | undefined
    const leave = async () => {
      const left = session
      session = undefined
      if (!left) return
      // A server that has gone silent never confirms the end.
      const timeout = sleep(leaveDeadlineMs, undefined, { ref: false })
      await Promise.race([left.client.end(), timeout]).catch(() => undefined) // gone already
    }
    const runOnce = async () => {
      try {
        session ??= { client: await connect(options.connectionString), lease: undefined }
        const { client } = session
        session.lease = session.lease
          ? await keepLane(client, session.lease)
          : await takeLane(client)
        if (session.lease) return await relayOnce(client, session.lease, age, options)
        await age.look(client)
        return 0
      } catch (error) {
        age.isUnknown()
        await leave()
        throw error
      }
    }
    const { log } = options
    await runLoop({
      name: 'outbox-relay',
      runOnce,
      batchMax,
      idleMs,
      failureBackoffCapMs,
      signal,
      log,
    })
    await leave()
  }
}

type AgeOfOldest = ReturnType<typeof ageOfOldest>

/**
 * Every relay reports the age of the oldest unpublished event, and not only the one that publishes:
 * that one may be frozen, and the alarm must not be blind then.
 */
function ageOfOldest(metrics: OutboxMetrics) {
  let seconds = 0
  let seenMs = performance.now()
  const see = (ageMs: number) => {
    seconds = ageMs / 1000
    seenMs = performance.now()
    metrics.oldestSeconds.set(seconds)
  }
  return {
    see,
    /** Looks now and then, for a relay that does not publish and comes here 20 times a second. */
    look: async (client: pg.Client) => {
      if (performance.now() - seenMs < lookMs) return
      const { rows } = await client.query<{ waited_ms: string }>({
        name: 'look_at_oldest',
        text: `SELECT extract(epoch FROM clock_timestamp() - created_at) * 1000 AS waited_ms
               FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT 1`,
      })
      see(Number(rows[0]?.waited_ms ?? 0))
    },
    /** While the database can't be asked, the last known age goes on growing. */
    isUnknown: () => {
      if (seconds === 0) return
      const sinceSeconds = (performance.now() - seenMs) / 1000
      metrics.oldestSeconds.set(seconds + sinceSeconds)
    },
  }
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    application_name: 'outbox-relay',
    connectionTimeoutMillis: statementTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + 500,
    keepAlive: true,
  })
  // The next statement fails with the same error. Without a listener it would end the process.
  client.on('error', () => {})
  await client.connect()
  return client
}

async function relayOnce(
  client: pg.Client,
  lease: Lease,
  age: AgeOfOldest,
  { publish, metrics }: RelayOptions,
): Promise<number> {
  const { rows } = await client.query<Row>({
    name: 'read_outbox',
    text: `SELECT id, topic, aggregate_id, payload, traceparent,
                  extract(epoch FROM clock_timestamp() - created_at) * 1000 AS waited_ms
           FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1`,
    values: [batchMax],
  })
  age.see(Number(rows[0]?.waited_ms ?? 0))
  if (rows.length === 0) return 0
  // After its lease, another relay may have published these and newer events of the same aggregates.
  await publishInSpans(records => publish(records, sendBeforeMs(lease)), rows)
  await crashpoint('relay.published')
  const { rowCount } = await client.query({
    name: 'mark_published',
    text: `UPDATE outbox SET published_at = now()
           WHERE id = ANY($1::bigint[]) AND published_at IS NULL
             AND EXISTS (SELECT FROM outbox_lane WHERE epoch = $2)`,
    values: [rows.map(row => row.id), lease.epoch],
  })
  if (rowCount === 0) throw new Error('the lane was lost between sending and marking')
  metrics.eventsRelayed.inc(rows.length)
  return rows.length
}

/**
 * Each message has a span from here to the broker's acknowledgement, whose parent is the request
 * that caused it, and carries that span's context.
 */
async function publishInSpans(publish: Publish, rows: readonly Row[]): Promise<void> {
  const messages = rows.map(row => ({ row, span: startPublishSpan(row) }))
  try {
    await publish(
      messages.map(({ row, span }) => ({
        topic: row.topic,
        key: row.aggregate_id,
        value: row.payload,
        headers: injectInto({ 'content-type': 'application/json' }, span),
      })),
    )
  } catch (error) {
    for (const { span } of messages) failSpan(span, error)
    throw error
  } finally {
    for (const { span } of messages) span.end()
  }
}

function startPublishSpan(row: Row) {
  return startSpan(`publish ${row.topic}`, {
    kind: SpanKind.PRODUCER,
    parent: contextFrom(row.traceparent),
    attributes: {
      'messaging.system': 'kafka',
      'messaging.destination.name': row.topic,
      'nightshift.outbox.wait_ms': Number(row.waited_ms),
    },
  })
}
