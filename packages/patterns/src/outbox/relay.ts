import { setTimeout as sleep } from 'node:timers/promises'
import { crashpoint } from '@nightshift/runtime/crashpoint'
import type { Publish } from '@nightshift/runtime/kafka-producer'
import type { Log } from '@nightshift/runtime/logger'
import { runLoop } from '@nightshift/runtime/loop'
import type { Metrics } from '@nightshift/runtime/metrics'
import {
  contextFrom,
  failSpan,
  injectInto,
  SpanKind,
  startSpan,
} from '@nightshift/runtime/telemetry'
import pg from 'pg'

export type RelayOptions = {
  connectionString: string
  publish: Publish
  log: Log
  metrics: Metrics
}

const batchMax = 200
/** How long a commit may wait to be noticed. LISTEN/NOTIFY would be sooner and cost every commit. */
const idleMs = 50
const failureBackoffCapMs = 2_000
const statementTimeoutMs = 5_000
const leaveDeadlineMs = 1_000
/** Any number; the same in every instance of a service, which each have a database of their own. */
const laneLock = 4_000_001

type Row = {
  id: string
  topic: string
  aggregate_id: string
  payload: string
  traceparent: string | null
  waited_ms: string
}

/**
 * Publishes what waits in the outbox, oldest first: read, send, mark, and no transaction open while
 * Kafka is asked. A death between send and mark sends again: at least once.
 *
 * One relay works at a time, whoever holds the advisory lock. Two with SKIP LOCKED would each be
 * correct about every row and together lose the order of an aggregate. The lock belongs to a
 * connection of its own, and so does the reading and marking: who loses the one loses the other.
 * Rows are found by "not published yet" and never by "id above the last": ids are given out before
 * commits, so a slow transaction would be passed by for ever.
 */
export function outboxRelay(options: RelayOptions): (signal: AbortSignal) => Promise<void> {
  return async signal => {
    let lane: { client: pg.Client; held: boolean } | undefined
    const leave = async () => {
      const left = lane
      lane = undefined
      if (!left) return
      // A server that has gone silent never says goodbye.
      const farewell = sleep(leaveDeadlineMs, undefined, { ref: false })
      await Promise.race([left.client.end(), farewell]).catch(() => undefined) // gone already
    }
    const runOnce = async () => {
      try {
        lane ??= { client: await connect(options.connectionString), held: false }
        lane.held ||= await tryToHold(lane.client)
        if (lane.held) return await relayOnce(lane.client, options)
        // Whoever holds the lane says how old the oldest is. What we last saw is no longer so.
        options.metrics.outboxOldestSeconds.set(0)
        return 0
      } catch (error) {
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

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    application_name: 'outbox-relay',
    connectionTimeoutMillis: statementTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + 500,
    keepAlive: true,
  })
  // The next statement fails with the same news; unheard it would end the process.
  client.on('error', () => {})
  await client.connect()
  return client
}

/** True if this session is now the one that works. It stays so until the connection closes. */
async function tryToHold(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>({
    name: 'hold_lane',
    text: 'SELECT pg_try_advisory_lock($1::bigint) AS held',
    values: [laneLock],
  })
  return rows[0]?.held === true
}

async function relayOnce(client: pg.Client, { publish, metrics }: RelayOptions): Promise<number> {
  const { rows } = await client.query<Row>({
    name: 'read_outbox',
    text: `SELECT id, topic, aggregate_id, payload, traceparent,
                  extract(epoch FROM clock_timestamp() - created_at) * 1000 AS waited_ms
           FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1`,
    values: [batchMax],
  })
  metrics.outboxOldestSeconds.set(Number(rows[0]?.waited_ms ?? 0) / 1000)
  if (rows.length === 0) return 0
  await publishInSpans(publish, rows)
  await crashpoint('relay.published')
  await client.query({
    name: 'mark_published',
    text: 'UPDATE outbox SET published_at = now() WHERE id = ANY($1::bigint[])',
    values: [rows.map(row => row.id)],
  })
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
