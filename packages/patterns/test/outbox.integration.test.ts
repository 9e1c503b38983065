import { randomUUID } from 'node:crypto'
import type { KafkaRecord, Publish } from '@nightshift/runtime/kafka/producer'
import { inTransaction, RollBack } from '@nightshift/runtime/postgres/postgres'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { outboxMetrics } from '../src/outbox/metrics.ts'
import { publishAfterCommit } from '../src/outbox/naive.ts'
import { outbox } from '../src/outbox/outbox.ts'
import { outboxRelay } from '../src/outbox/relay.ts'
import type { OutboxEvent } from '../src/outbox/types.ts'
import { type OwnTables, openOwnTables } from './own-tables.ts'

const topic = 'lights.v1'
const withinMs = { timeout: 15_000, interval: 20 }
let database: OwnTables
let stop: AbortController
let relays: Promise<void>[]

beforeEach(async () => {
  database = await openOwnTables(inject('parts').postgresUrl, ['outbox'])
  stop = new AbortController()
  relays = []
})
afterEach(async () => {
  stop.abort()
  await Promise.all(relays)
  await database[Symbol.asyncDispose]()
})

function eventOf(aggregateId: string = randomUUID()) {
  return { eventId: randomUUID(), aggregateId, type: 'light.switched' }
}

/** A broker that records what it acknowledged, and refuses everything while it is away. */
function openBroker() {
  const acknowledged: KafkaRecord[] = []
  const broker = { isAway: false, acknowledged, eventIds: () => acknowledged.map(idOf) }
  const publish: Publish = async records => {
    if (broker.isAway) throw new Error('the broker is away')
    acknowledged.push(...records)
  }
  return Object.assign(broker, { publish })
}

const idOf = (record: KafkaRecord) => (JSON.parse(record.value) as OutboxEvent).eventId

function box() {
  return outbox(database.pool, topic, async () => {})
}

function startRelay(publish: Publish): void {
  const metrics = outboxMetrics(new Registry())
  const connectionString = database.url
  relays.push(outboxRelay({ connectionString, publish, log: database.log, metrics })(stop.signal))
}

async function unpublished(): Promise<number> {
  const sql = 'SELECT count(*)::int AS n FROM outbox WHERE published_at IS NULL'
  return (await database.pool.query<{ n: number }>(sql)).rows[0]?.n ?? -1
}

describe('an event is published if and only if it is true', () => {
  test('it is committed with the change, and a relay that knows nothing of it publishes it', async () => {
    const event = eventOf()
    await box().transact((_tx, announce) => announce(event))
    const broker = openBroker()
    startRelay(broker.publish)
    await vi.waitFor(() => expect(broker.eventIds()).toEqual([event.eventId]), withinMs)
    await vi.waitFor(async () => expect(await unpublished()).toBe(0), withinMs)
    expect(broker.acknowledged[0]).toMatchObject({ topic, key: event.aggregateId })
  })

  test.each([
    ['fails', new Error('no')],
    ['is refused', new RollBack('no')],
  ])('a transaction that %s announces nothing', async (_what, thrown) => {
    const work = box().transact(async (_tx, announce) => {
      await announce(eventOf())
      throw thrown
    })
    await work.catch(() => undefined)
    expect(await unpublished()).toBe(0)
  })
})

describe('the relay', () => {
  test('events wait while the broker is away, and are then published in order', async () => {
    const broker = openBroker()
    broker.isAway = true
    startRelay(broker.publish)
    const aggregateId = randomUUID()
    const events = Array.from({ length: 20 }, () => eventOf(aggregateId))
    for (const event of events) await box().transact((_tx, announce) => announce(event))
    expect(await unpublished()).toBe(20)
    broker.isAway = false
    await vi.waitFor(async () => expect(await unpublished()).toBe(0), withinMs)
    expect(broker.eventIds()).toEqual(events.map(event => event.eventId))
  })

  test('an event of a slow transaction with an earlier id is published', async () => {
    const broker = openBroker()
    startRelay(broker.publish)
    const slow = eventOf()
    const quick = eventOf()
    await box().transact(async (_tx, announce) => {
      await announce(slow)
      await box().transact((_inner, announceQuick) => announceQuick(quick))
      await vi.waitFor(() => expect(broker.eventIds()).toEqual([quick.eventId]), withinMs)
    })
    await vi.waitFor(() => {
      expect(broker.eventIds()).toEqual([quick.eventId, slow.eventId])
    }, withinMs)
  })

  test('one of two relays publishes, and the second takes over when the first loses its connection', async () => {
    const first = openBroker()
    startRelay(first.publish)
    await box().transact((_tx, announce) => announce(eventOf()))
    await vi.waitFor(() => expect(first.acknowledged).toHaveLength(1), withinMs)
    const second = openBroker()
    startRelay(second.publish)
    for (let n = 0; n < 10; n += 1) await box().transact((_tx, announce) => announce(eventOf()))
    await vi.waitFor(async () => expect(await unpublished()).toBe(0), withinMs)
    expect(second.acknowledged).toHaveLength(0)
    await inTransaction(database.pool, async tx => {
      // Held until the end of this transaction, so that neither can be the quicker one.
      await tx.query('LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE')
      await tx.query(`SELECT pg_terminate_backend(pid) FROM pg_locks
                      WHERE locktype = 'advisory' AND granted AND database =
                        (SELECT oid FROM pg_database WHERE datname = current_database())`)
    })
    const event = eventOf()
    await box().transact((_tx, announce) => announce(event))
    await vi.waitFor(() => {
      expect([...first.eventIds(), ...second.eventIds()]).toContain(event.eventId)
    }, withinMs)
    await vi.waitFor(async () => expect(await unpublished()).toBe(0), withinMs)
  })

  test('an acknowledgement that is lost publishes the event twice, never not at all', async () => {
    const broker = openBroker()
    const event = eventOf()
    await box().transact((_tx, announce) => announce(event))
    let deaths = 0
    startRelay(async records => {
      await broker.publish(records)
      if (deaths++ === 0) throw new Error('the acknowledgement was lost')
    })
    await vi.waitFor(async () => expect(await unpublished()).toBe(0), withinMs)
    expect(broker.eventIds()).toEqual([event.eventId, event.eventId])
  })
})

test('the naive version commits the change while the broker is away, and never publishes its event', async () => {
  const broker = openBroker()
  broker.isAway = true
  const dual = publishAfterCommit(database.pool, topic, broker.publish)
  const lightId = randomUUID()
  const work = dual.transact(async (tx, announce) => {
    await tx.query('CREATE TABLE proof AS SELECT $1::text AS light_id', [lightId])
    await announce(eventOf(lightId))
  })
  await expect(work).rejects.toThrow('away')
  broker.isAway = false
  const { rows } = await database.pool.query('SELECT light_id FROM proof')
  expect(rows).toEqual([{ light_id: lightId }])
  startRelay(broker.publish)
  const later = eventOf()
  await box().transact((_tx, announce) => announce(later))
  await vi.waitFor(() => expect(broker.eventIds()).toEqual([later.eventId]), withinMs)
})
