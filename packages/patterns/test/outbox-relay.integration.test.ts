import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Publish } from '@nightshift/runtime/kafka/producer'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { outboxMetrics } from '../src/outbox/metrics.ts'
import { outboxRelay } from '../src/outbox/relay.ts'
import { type OwnTables, openOwnTables } from './own-tables.ts'

const withinMs = { timeout: 15_000, interval: 20 }
let database: OwnTables
let open: AsyncDisposableStack

beforeEach(async () => {
  open = new AsyncDisposableStack()
  database = open.use(await openOwnTables(inject('parts').postgresUrl, ['outbox']))
})
afterEach(() => open.disposeAsync())

/** A relay, what it published, and the age that it reports. */
function startRelay(refuse: () => boolean = () => false, connectionString = database.url) {
  const published: string[] = []
  const metrics = outboxMetrics(new Registry())
  const publish: Publish = async records => {
    if (refuse()) throw new Error('the broker is away')
    published.push(...records.map(record => record.value))
  }
  const stop = new AbortController()
  const relay = outboxRelay({ connectionString, publish, log: database.log, metrics })
  const running = relay(stop.signal)
  const end = async () => {
    stop.abort()
    await running
  }
  open.defer(end)
  const oldestSeconds = async () => (await metrics.oldestSeconds.get()).values[0]?.value
  return { published, oldestSeconds, end }
}

/** A proxied link to the database that can be cut, or fall silent. */
async function openLink() {
  const server = new URL(database.url)
  const sockets: Socket[] = []
  const link = { silent: false }
  // Half open: silence leaves even the end of a connection unanswered.
  const proxy = createServer({ allowHalfOpen: true }, near => {
    const far = connect(Number(server.port), server.hostname)
    sockets.push(near, far)
    for (const socket of [near, far]) socket.on('error', () => {}) // it was cut
    near.on('data', chunk => link.silent || far.write(chunk))
    far.on('data', chunk => link.silent || near.write(chunk))
    near.on('end', () => link.silent || far.end())
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const cut = () => {
    proxy.close()
    for (const socket of sockets) socket.destroy()
  }
  open.defer(cut)
  const url = new URL(server)
  url.port = String((proxy.address() as { port: number }).port)
  return Object.assign(link, { url: url.href, cut })
}

/** Writes numbered events, as the transactions of a service would have. */
async function stage(from: number, to: number): Promise<void> {
  await database.pool.query(
    `INSERT INTO outbox (event_id, topic, aggregate_id, payload)
     SELECT gen_random_uuid(), 'payments.v1', $1, n::text FROM generate_series($2::int, $3) AS n`,
    [randomUUID(), from, to],
  )
}

async function unpublished(): Promise<number> {
  const { rowCount } = await database.pool.query('SELECT FROM outbox WHERE published_at IS NULL')
  return rowCount ?? -1
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_unused, n) => String(from + n))

describe('the relay', () => {
  test('a backlog of several batches goes out in its order', async () => {
    await stage(1, 450)
    const { published } = startRelay()
    await vi.waitFor(() => expect(published).toHaveLength(450), withinMs)
    expect(published).toEqual(numbers(1, 450))
  })

  test('a relay that has lost the database is replaced by the one that waits', async () => {
    const link = await openLink()
    const first = startRelay(undefined, link.url)
    await stage(1, 10)
    await vi.waitFor(() => expect(first.published).toHaveLength(10), withinMs)
    const second = startRelay()
    await stage(11, 20)
    await vi.waitFor(() => expect(first.published).toHaveLength(20), withinMs)
    expect(second.published).toEqual([])
    link.cut()
    await stage(21, 30)
    await vi.waitFor(() => expect(second.published.slice(-10)).toEqual(numbers(21, 30)), withinMs)
    expect(first.published).toEqual(numbers(1, 20))
  })

  test('a relay whose connection has gone silent is replaced when its lease is over', async () => {
    const link = await openLink()
    const first = startRelay(undefined, link.url)
    await stage(1, 10)
    await vi.waitFor(() => expect(first.published).toHaveLength(10), withinMs)
    // A relay that goes silent before it marks would rightly leave these to be published again.
    await vi.waitFor(async () => expect(await unpublished()).toBe(0), withinMs)
    const second = startRelay()
    // The server keeps its session, and the session keeps its lock.
    link.silent = true
    await stage(11, 20)
    await vi.waitFor(() => expect(second.published).toHaveLength(10), withinMs)
    expect(second.published).toEqual(numbers(11, 20))
    expect(first.published).toEqual(numbers(1, 10))
  })

  test('while the database can not be asked, the last known age goes on growing', async () => {
    const link = await openLink()
    const relay = startRelay(() => true, link.url)
    await stage(1, 1)
    await vi.waitFor(async () => expect(await relay.oldestSeconds()).toBeGreaterThan(0), withinMs)
    link.cut()
    const seen = (await relay.oldestSeconds()) ?? 0
    await vi.waitFor(
      async () => expect(await relay.oldestSeconds()).toBeGreaterThan(seen + 1),
      withinMs,
    )
  })

  test('every relay reports the age of the oldest event, whether it publishes or waits', async () => {
    let isAway = true
    const relays = [startRelay(() => isAway), startRelay(() => isAway)]
    await stage(1, 10)
    for (const { oldestSeconds } of relays) {
      await vi.waitFor(async () => expect(await oldestSeconds()).toBeGreaterThan(0), withinMs)
    }
    isAway = false
    for (const { oldestSeconds } of relays) {
      await vi.waitFor(async () => expect(await oldestSeconds()).toBe(0), withinMs)
    }
  })

  test('an idle relay stops at once', async () => {
    const { published, end } = startRelay()
    await stage(1, 1)
    await vi.waitFor(() => expect(published).toHaveLength(1), withinMs)
    const startedMs = performance.now()
    await end()
    expect(performance.now() - startedMs).toBeLessThan(1_000)
  })

  test('a relay stops although the database has gone silent', async () => {
    const link = await openLink()
    const relay = startRelay(() => {
      // The broker is away, and now the database is too: the relay leaves its lane unanswered.
      link.silent = true
      return true
    }, link.url)
    await stage(1, 1)
    await vi.waitFor(() => expect(link.silent).toBe(true), withinMs)
    const startedMs = performance.now()
    await relay.end()
    expect(performance.now() - startedMs).toBeLessThan(3_000)
  })
})
