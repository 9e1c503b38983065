import { randomUUID } from 'node:crypto'
import {
  databaseAway,
  expectSoon,
  type KafkaLab,
  openKafkaLab,
  paymentCaptured,
  topic,
} from '@nightshift/load-tests/harness/kafka-lab'
import { waitUntil } from '@nightshift/local/wait-until'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'

function openLab(): Promise<KafkaLab> {
  return openKafkaLab(inject('parts').kafkaBrokers)
}

/** Events of one aggregate in the order of their versions. */
function history(length: number) {
  const id = randomUUID()
  return Array.from({ length }, (_, i) => paymentCaptured(id, i + 1))
}

describe.concurrent('a record is applied', () => {
  test('once, in the order of its partition, and leaves a line and a count', async () => {
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
    await waitUntil(async () => (await counted())[1]?.value === 60, 2_000, 10)
    expect(await counted()).toEqual([
      // It is there from the begin, so that an alert sees the first one.
      expect.objectContaining({
        value: 0,
        labels: expect.objectContaining({ topic, outcome: 'dead_lettered' }),
      }),
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

  test('again after a restart only if its offset had not moved', async () => {
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

describe.concurrent('a group', () => {
  let lab: KafkaLab
  beforeEach(async () => {
    lab = await openLab()
  })
  afterEach(() => lab[Symbol.asyncDispose]())

  test('shares the partitions, and a member that leaves hands its own over in time', async () => {
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
