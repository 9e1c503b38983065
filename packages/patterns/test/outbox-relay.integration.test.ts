import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Publish } from '@nightshift/runtime/kafka/producer'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { outboxMetrics } from '../src/outbox/metrics.ts'
import { outboxRelay } from '../src/outbox/relay.ts'
import { openPatternDatabase, type PatternDatabase } from './pattern-database.ts'

const withinMs = { timeout: 15_000, interval: 20 }
let database: PatternDatabase
let open: AsyncDisposableStack

beforeEach(async () => {
  open = new AsyncDisposableStack()
  database = open.use(await openPatternDatabase(inject('parts').postgresUrl))
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

/** A way to the database that can be cut, or fall silent. */
async function openWay() {
  const server = new URL(database.url)
  const sockets: Socket[] = []
  const way = { silent: false }
  // Half open: silence is to leave even a goodbye unanswered.
  const proxy = createServer({ allowHalfOpen: true }, near => {
    const far = connect(Number(server.port), server.hostname)
    sockets.push(near, far)
    for (const socket of [near, far]) socket.on('error', () => {}) // it was cut
    near.on('data', chunk => way.silent || far.write(chunk))
    far.on('data', chunk => way.silent || near.write(chunk))
    near.on('end', () => way.silent || far.end())
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
  return Object.assign(way, { url: url.href, cut })
}

/** As the transactions of a service would have written them, numbered. */
async function stage(from: number, to: number): Promise<void> {
  await database.pool.query(
    `INSERT INTO outbox (event_id, topic, aggregate_id, payload)
     SELECT gen_random_uuid(), 'payments.v1', $1, n::text FROM generate_series($2::int, $3) AS n`,
    [randomUUID(), from, to],
  )
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

  test('one that can not come back is replaced by the one that waits', async () => {
    const way = await openWay()
    const first = startRelay(undefined, way.url)
    await stage(1, 10)
    await vi.waitFor(() => expect(first.published).toHaveLength(10), withinMs)
    const second = startRelay()
    await stage(11, 20)
    await vi.waitFor(() => expect(first.published).toHaveLength(20), withinMs)
    expect(second.published).toEqual([])
    way.cut()
    await stage(21, 30)
    await vi.waitFor(() => expect(second.published.slice(-10)).toEqual(numbers(21, 30)), withinMs)
    expect(first.published).toEqual(numbers(1, 20))
  })

  test('one whose way to the database has gone silent is replaced when its lease is over', async () => {
    const way = await openWay()
    const first = startRelay(undefined, way.url)
    await stage(1, 10)
    await vi.waitFor(() => expect(first.published).toHaveLength(10), withinMs)
    const second = startRelay()
    // Its session stays at the server, and with it the lock that says so.
    way.silent = true
    await stage(11, 20)
    await vi.waitFor(() => expect(second.published).toHaveLength(10), withinMs)
    expect(second.published).toEqual(numbers(11, 20))
    expect(first.published).toEqual(numbers(1, 10))
  })

  test('while the database can not be asked, the age that was seen last goes on', async () => {
    const way = await openWay()
    const relay = startRelay(() => true, way.url)
    await stage(1, 1)
    await vi.waitFor(async () => expect(await relay.oldestSeconds()).toBeGreaterThan(0), withinMs)
    way.cut()
    const seen = (await relay.oldestSeconds()) ?? 0
    await vi.waitFor(
      async () => expect(await relay.oldestSeconds()).toBeGreaterThan(seen + 1),
      withinMs,
    )
  })

  test('every one reports the age of the oldest event, whether it is the one that publishes or not', async () => {
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

  test('a stop is heard at once when there is nothing to do', async () => {
    const { published, end } = startRelay()
    await stage(1, 1)
    await vi.waitFor(() => expect(published).toHaveLength(1), withinMs)
    const startedMs = performance.now()
    await end()
    expect(performance.now() - startedMs).toBeLessThan(1_000)
  })

  test('a stop is heard although the database has gone silent', async () => {
    const way = await openWay()
    const relay = startRelay(() => {
      // The broker is away, and now the database too: the relay leaves its lane, and nobody nods.
      way.silent = true
      return true
    }, way.url)
    await stage(1, 1)
    await vi.waitFor(() => expect(way.silent).toBe(true), withinMs)
    const startedMs = performance.now()
    await relay.end()
    expect(performance.now() - startedMs).toBeLessThan(3_000)
  })
})
