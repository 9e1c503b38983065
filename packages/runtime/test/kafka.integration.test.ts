import { randomUUID } from 'node:crypto'
import { waitUntil } from '@nightshift/local/wait-until'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { openPool } from '../src/postgres/postgres.ts'
import type { Log } from '../src/telemetry/logger.ts'
import {
  type DeadLetter,
  databaseAway,
  expectSoon,
  type KafkaLab,
  openKafkaLab,
  paymentCaptured,
  topic,
} from './kafka-lab.ts'

const attemptsMax = 5

function openLab(): Promise<KafkaLab> {
  return openKafkaLab(inject('parts').kafkaBrokers)
}

/** Events of one aggregate in the order of their versions. */
function history(length: number) {
  const id = randomUUID()
  return Array.from({ length }, (_, i) => paymentCaptured(id, i + 1))
}

function bytesOf(letter: DeadLetter | undefined): Buffer | undefined {
  return letter?.value == null ? undefined : Buffer.from(letter.value, 'base64')
}

describe.concurrent('a record is applied', () => {
  test('once each, in the order of its partition, and leaves a line and a count', async () => {
    await using lab = await openLab()
    const [one, other] = [history(30), history(30)]
    await lab.writeEvents(0, ...one)
    await lab.writeEvents(1, ...other)
    const handled: string[] = []
    lab.consume(async event => {
      handled.push(event.eventId)
      return 'applied'
    })
    await expectSoon(
      'all are handled',
      () => handled.length >= 60,
      () => handled.length,
    )
    for (const events of [one, other]) {
      const ids = events.map(event => event.eventId)
      expect(handled.filter(id => ids.includes(id))).toEqual(ids)
    }
    const counted = async () => (await lab.metrics.eventsConsumed.get()).values
    await waitUntil(async () => (await counted())[0]?.value === 60, 2_000, 10)
    expect(await counted()).toEqual([
      expect.objectContaining({
        value: 60,
        labels: expect.objectContaining({ topic, type: 'payment.captured', outcome: 'applied' }),
      }),
    ])
    const lines = lab.lines.filter(line => line.event === 'event.consumed')
    expect(lines).toHaveLength(60)
    expect(lines[0]).toMatchObject({ type: 'payment.captured', outcome: 'applied', retries: 0 })
    expect(lab.lines.some(line => line.event === 'event.retried')).toBe(false)
    expect(lab.letters).toEqual([])
  })

  test('after a restart only if its offset had not moved', async () => {
    await using lab = await openLab()
    const events = history(6)
    const ids = events.map(event => event.eventId)
    await lab.writeEvents(0, ...events)
    const before: string[] = []
    const first = lab.consume(async event => {
      if (event.aggregateVersion === 4) throw databaseAway()
      before.push(event.eventId)
      return 'applied'
    })
    const isStuck = () => lab.lines.some(line => line.event === 'event.retried')
    await expectSoon('the fourth is tried again', isStuck, () => lab.lines.at(-1))
    await first.close()
    expect(before).toEqual(ids.slice(0, 3))

    const after: string[] = []
    lab.consume(async event => {
      after.push(event.eventId)
      return 'applied'
    })
    await expectSoon(
      'the rest is handled',
      () => after.length >= 3,
      () => after,
    )
    expect(after).toEqual(ids.slice(3))
  })
})

describe.concurrent('a record that can not be an event is a dead letter, and the next goes on', () => {
  const wrong = { ...paymentCaptured(randomUUID()), aggregateVersion: '1' }
  const records: [string, string | Buffer | null][] = [
    ['no JSON', 'not JSON'],
    ['half of it', '{"eventId":'],
    ['a tombstone', null],
    ['nothing', ''],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ['no UTF-8 inside of a string', Buffer.from('7b2261223a22c328227d', 'hex')],
    ['another contract', JSON.stringify(wrong)],
    ['a field more', JSON.stringify({ ...paymentCaptured(randomUUID()), admin: true })],
    ['a future version', JSON.stringify({ ...paymentCaptured(randomUUID()), version: 2 })],
    ['__proto__', '{"__proto__":{"type":"payment.captured"}}'],
    ['null', 'null'],
  ]

  test('with its bytes, its headers and its place', async () => {
    await using lab = await openLab()
    const [before, after] = history(2)
    if (!before || !after) throw new Error('two were asked for')
    await lab.writeEvents(2, before)
    const headers = { traceparent: 'nonsense', twice: ['a', 'b'], bytes: Buffer.from([0xff]) }
    await lab.write(2, ...records.map(([, value]) => ({ value, headers, key: 'the key' })))
    await lab.writeEvents(2, after)
    const handled: string[] = []
    lab.consume(async event => {
      handled.push(event.eventId)
      return 'applied'
    })
    await expectSoon(
      'both are handled',
      () => handled.length >= 2,
      () => [handled, lab.letters],
    )
    expect(handled).toEqual([before.eventId, after.eventId])
    expect(lab.letters).toHaveLength(records.length)
    for (const [i, [, value]] of records.entries()) {
      const letter = lab.letters[i]
      expect(bytesOf(letter)).toEqual(value === null ? undefined : Buffer.from(value))
      expect(letter).toMatchObject({
        reason: 'it does not fit the contract of its topic',
        topic: lab.prefix + topic,
        partition: 2,
        offset: String(i + 1),
        key: Buffer.from('the key').toString('base64'),
        headers: {
          traceparent: [Buffer.from('nonsense').toString('base64')],
          twice: [Buffer.from('a').toString('base64'), Buffer.from('b').toString('base64')],
          bytes: [Buffer.from([0xff]).toString('base64')],
        },
      })
    }
  })

  test('even if its bytes are too many for a letter: then with its place alone', async () => {
    await using lab = await openLab()
    const [after] = history(1)
    if (!after) throw new Error('one was asked for')
    await lab.write(0, { value: Buffer.alloc(1_000_000, 'x') })
    await lab.writeEvents(0, after)
    const handled: string[] = []
    lab.consume(async event => {
      handled.push(event.eventId)
      return 'applied'
    })
    await expectSoon(
      'the next is handled',
      () => handled.length > 0,
      () => lab.lines.at(-1),
    )
    expect(lab.letters).toEqual([
      expect.objectContaining({ partition: 0, offset: '0', value: null, bytesLeftOut: 1_000_000 }),
    ])
  })
})

describe.concurrent('a handler that fails', () => {
  test.each<[string, () => Promise<never>]>([
    ['by a mistake of its own', () => Promise.reject(new TypeError('x is not a function'))],
    ['with nothing', () => Promise.reject()],
    ['with text', () => Promise.reject('text')],
  ])('%s every time is given up, and the next record goes on', async (_what, fail) => {
    await using lab = await openLab()
    const [poison, next] = history(2)
    if (!poison || !next) throw new Error('two were asked for')
    await lab.writeEvents(0, poison, next)
    const handled: string[] = []
    lab.consume(async event => {
      handled.push(event.eventId)
      return event.eventId === poison.eventId ? fail() : 'applied'
    })
    const isThere = () => handled.includes(next.eventId)
    await expectSoon('the next is handled', isThere, () => [handled, lab.lines.at(-1)])
    const tries = Array.from({ length: attemptsMax }, () => poison.eventId)
    expect(handled).toEqual([...tries, next.eventId])
    expect(lab.letters).toHaveLength(1)
    expect(lab.letters[0]?.reason).toMatch(/^it failed 5 times/)
    expect(bytesOf(lab.letters[0])?.toString()).toBe(JSON.stringify(poison))
  })

  test('because the database is away is asked again for as long as that lasts, in order', async () => {
    await using lab = await openLab()
    // Longer than a session without a heartbeat would last: the partition must not be taken away.
    const awayUntilMs = performance.now() + 8_000
    const events = history(3)
    await lab.writeEvents(0, ...events)
    const applied: string[] = []
    let tries = 0
    lab.consume(async event => {
      if (performance.now() < awayUntilMs) {
        tries += 1
        throw databaseAway()
      }
      applied.push(event.eventId)
      return 'applied'
    })
    await expectSoon(
      'all are applied',
      () => applied.length >= 3,
      () => [tries, applied],
    )
    expect(tries).toBeGreaterThan(attemptsMax)
    expect(applied).toEqual(events.map(event => event.eventId))
    expect(lab.letters).toEqual([])
    const since = lab.lines.findIndex(line => line.event === 'event.retried')
    const told = lab.lines.slice(since).map(line => line.event)
    expect(told).not.toContain('kafka.consumer_restarted')
  })

  test('and failed because the database was away does not count that as its own failures', async () => {
    await using lab = await openLab()
    const events = history(1)
    await lab.writeEvents(0, ...events)
    const failures = [databaseAway, () => new TypeError('a bug, once'), databaseAway]
    let tries = 0
    lab.consume(async () => {
      tries += 1
      // Nine times in all, and four of them by itself: one short of being given up.
      const failure = tries <= 9 ? failures[tries % 3] : undefined
      if (failure) throw failure()
      return 'applied'
    })
    const isApplied = () => lab.lines.some(line => line.event === 'event.consumed')
    await expectSoon('it is applied', isApplied, () => [tries, lab.letters])
    expect(tries).toBe(10)
    expect(lab.letters).toEqual([])
    const line = lab.lines.find(one => one.event === 'event.consumed')
    expect(line).toMatchObject({ retries: 9 })
    // "Retries included" is what the help text of the measurement says.
    const { values } = await lab.metrics.eventSeconds.get()
    const sum = values.find(value => value.metricName?.endsWith('_sum'))?.value ?? 0
    expect(Number(line?.['durationMs'])).toBeGreaterThan(50)
    expect(sum).toBeGreaterThan(0.05)
  })
})

/**
 * A statement timeout counted as "the database is away" and was retried for ever, so the partition
 * stood still (opslane/opslane#508, stackrox/stackrox#4716).
 */
describe.concurrent('a record whose own work fails in the database', () => {
  test.each([
    ['because it takes too long', 'SELECT pg_sleep(10)', '57014', 5],
    ['because of its data', "SELECT 'x'::integer", '22P02', 5],
    ['because of contention', "DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", '40P01', 20],
  ])('%s becomes a dead letter, and the next goes on', async (_what, sql, code, triesMax) => {
    await using lab = await openLab()
    await using open = new AsyncDisposableStack()
    const pool = open.adopt(openStatementPool(lab.log), p => p.end())
    const [poison, next] = history(2)
    if (!poison || !next) throw new Error('two were asked for')
    await lab.writeEvents(0, poison, next)
    const handled: string[] = []
    lab.consume(async event => {
      handled.push(event.eventId)
      if (event.eventId === poison.eventId) await pool.query(sql)
      return 'applied'
    })
    const isThere = () => handled.includes(next.eventId)
    await expectSoon('the next is handled', isThere, () => [handled, lab.lines.at(-1)])
    expect(handled).toHaveLength(triesMax + 1)
    expect(lab.letters.map(letter => letter.reason)).toEqual([
      `it failed ${triesMax} times: error ${code}`,
    ])
  })
})

function openStatementPool(log: Log) {
  const statementMs = 200
  const pool = { connectionsMax: 1, acquireMs: 1_000, lockMs: 100, idleInTransactionMs: 1_000 }
  return openPool(inject('parts').postgresUrl, 'lab', { ...pool, statementMs }, log)
}

describe.concurrent('a record that is refused', () => {
  test('is a dead letter with the reason, and duplicates and strangers are passed', async () => {
    await using lab = await openLab()
    await lab.writeEvents(0, ...history(4))
    const outcomes = ['applied', { refused: 'the amount differs' }, 'duplicate', 'ignored'] as const
    let handled = 0
    lab.consume(async event => {
      handled += 1
      return outcomes[event.aggregateVersion - 1] ?? 'applied'
    })
    await expectSoon(
      'all are handled',
      () => handled >= 4,
      () => handled,
    )
    expect(lab.letters.map(letter => letter.reason)).toEqual(['the amount differs'])
    const counts = async () =>
      (await lab.metrics.eventsConsumed.get()).values.map(value => value.labels.outcome)
    await waitUntil(async () => (await counts()).length === 4, 2_000, 10)
    expect(await counts()).toEqual(['applied', 'dead_lettered', 'duplicate', 'ignored'])
  })

  test('stays until its dead letter is acknowledged, whoever consumes it by then', async () => {
    await using lab = await openLab()
    const events = history(2)
    await lab.write(0, { value: 'not JSON' })
    await lab.writeEvents(0, ...events)
    const handled: string[] = []
    const handle = async (event: { eventId: string }) => {
      handled.push(event.eventId)
      return 'applied' as const
    }
    let refusals = 0
    const first = lab.consume(handle, async () => {
      refusals += 1
      throw new Error('Kafka did not acknowledge within 5000 ms')
    })
    await expectSoon(
      'it is tried again',
      () => refusals > attemptsMax,
      () => refusals,
    )
    await first.close()
    expect(handled).toEqual([])
    lab.consume(handle)
    await expectSoon(
      'the rest is handled',
      () => handled.length >= 2,
      () => lab.lines.at(-1),
    )
    expect(handled).toEqual(events.map(event => event.eventId))
    expect(lab.letters.map(letter => letter.reason)).toEqual([
      'it does not fit the contract of its topic',
    ])
  })
})

describe.concurrent('a group', () => {
  let lab: KafkaLab
  beforeEach(async () => {
    lab = await openLab()
  })
  afterEach(() => lab[Symbol.asyncDispose]())

  test('shares the partitions, and one that leaves hands its own over in time', async () => {
    const handled = { one: new Set<number>(), other: new Set<number>() }
    const partitionOf = (event: { aggregateVersion: number }) => event.aggregateVersion - 1
    const handler = (seen: Set<number>) => async (event: { aggregateVersion: number }) => {
      seen.add(partitionOf(event))
      return 'applied' as const
    }
    const writeToAll = async () => {
      const [a, b, c, d] = history(4)
      if (!a || !b || !c || !d) throw new Error('four were asked for')
      await Promise.all([a, b, c, d].map((event, i) => lab.writeEvents(i, event)))
    }
    const one = lab.consume(handler(handled.one))
    lab.consume(handler(handled.other))
    const isShared = async () => {
      handled.one.clear()
      handled.other.clear()
      await writeToAll()
      await waitUntil(() => handled.one.size + handled.other.size >= 4, 1_000, 10)
      return handled.one.size === 2 && handled.other.size === 2
    }
    expect(await waitUntil(isShared, 20_000, 10)).toBe(true)

    await one.close()
    handled.one.clear()
    handled.other.clear()
    await writeToAll()
    const leftAtMs = performance.now()
    await expectSoon(
      'the other has all',
      () => handled.other.size === 4,
      () => [...handled.other],
    )
    expect(handled.one.size).toBe(0)
    expect(performance.now() - leftAtMs).toBeLessThan(6_000)
  })
})
