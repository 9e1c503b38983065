import { randomUUID } from 'node:crypto'
import {
  type DeadLetter,
  databaseAway,
  expectSoon,
  type KafkaLab,
  openKafkaLab,
  paymentCaptured,
  topic,
} from '@nightshift/load-tests/harness/kafka-lab'
import { waitUntil } from '@nightshift/local/wait-until'
import { openPool } from '@nightshift/runtime/postgres/postgres'
import type { Log } from '@nightshift/runtime/telemetry/logger'
import { describe, expect, inject, test } from 'vitest'
import { retryForEver } from '../src/dead-letters/naive.ts'

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

describe.concurrent('a record that can not be an event becomes a dead letter', () => {
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

  test('with its bytes, its headers and its position, and the next record is applied', async () => {
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

  test('with its position alone when its bytes are too many for a letter', async () => {
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

describe.concurrent('a record whose handler fails', () => {
  test.each<[string, () => Promise<never>]>([
    ['with an error of its code', () => Promise.reject(new TypeError('x is not a function'))],
    ['with nothing', () => Promise.reject()],
    ['with text', () => Promise.reject('text')],
  ])('%s every time becomes a dead letter, and the next record is applied', async (_what, fail) => {
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

  test('because the database is away is retried for as long as that lasts, in order', async () => {
    await using lab = await openLab()
    // Longer than a session without a heartbeat lasts: the partition must not be taken away.
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
    const logged = lab.lines.slice(since).map(line => line.event)
    expect(logged).not.toContain('kafka.consumer_restarted')
  })

  test('does not count failures during an outage as its own', async () => {
    await using lab = await openLab()
    const events = history(1)
    await lab.writeEvents(0, ...events)
    const failures = [databaseAway, () => new TypeError('a bug, once'), databaseAway]
    let tries = 0
    lab.consume(async () => {
      tries += 1
      // It fails nine times, four of them by itself: one short of becoming a dead letter.
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
describe.concurrent('a record whose statement fails in the database', () => {
  test.each([
    ['because it takes too long', 'SELECT pg_sleep(10)', '57014', 5],
    ['because of its data', "SELECT 'x'::integer", '22P02', 5],
    ['because of contention', "DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", '40P01', 20],
  ])(
    '%s becomes a dead letter, and the next record is applied',
    async (_what, sql, code, triesMax) => {
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
    },
  )
})

function openStatementPool(log: Log) {
  const statementMs = 200
  const pool = { connectionsMax: 1, acquireMs: 1_000, lockMs: 100, idleInTransactionMs: 1_000 }
  return openPool(inject('parts').postgresUrl, 'lab', { ...pool, statementMs }, log)
}

describe.concurrent('a record that its handler refuses', () => {
  test('becomes a dead letter with the reason, and duplicates and ignored events do not', async () => {
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
      Object.fromEntries(
        (await lab.metrics.eventsConsumed.get()).values.map(({ labels, value }) => [
          labels.outcome,
          value,
        ]),
      )
    await waitUntil(async () => Object.keys(await counts()).length === 4, 2_000, 10)
    expect(await counts()).toEqual({ applied: 1, dead_lettered: 1, duplicate: 1, ignored: 1 })
  })

  test('keeps its place until its dead letter is acknowledged, also across consumers', async () => {
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
    const publishLetters = async () => {
      refusals += 1
      throw new Error('Kafka did not acknowledge within 5000 ms')
    }
    const first = lab.consume(handle, { publishLetters })
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

describe('the naive version', () => {
  test('never gets past a record that can not be applied, until the pattern takes over', async () => {
    await using lab = await openLab()
    const [good] = history(1)
    if (!good) throw new Error('one was asked for')
    await lab.write(0, { value: 'not JSON' })
    await lab.writeEvents(0, good)
    const handled: string[] = []
    const handle = async (event: { eventId: string }) => {
      handled.push(event.eventId)
      return 'applied' as const
    }
    const naive = lab.consume(handle, { policy: retryForEver(lab.log) })
    const retries = () => lab.lines.filter(line => line.event === 'event.retried').length
    await expectSoon(
      'it was retried more often than the pattern would',
      () => retries() > 20,
      retries,
    )
    expect(handled).toEqual([])
    expect(lab.letters).toEqual([])
    await naive.close()

    lab.consume(handle)
    const isApplied = () => handled.length > 0
    await expectSoon('the good event is applied', isApplied, () => lab.lines.at(-1))
    expect(lab.letters).toHaveLength(1)
  })
})
