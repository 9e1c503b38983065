import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Bulkhead, bulkhead } from './bulkhead.ts'
import { bulkheadMetrics } from './metrics.ts'
import { noBulkhead } from './naive.ts'

const callsMax = 3

let registry: Registry
let places: Bulkhead

beforeEach(() => {
  registry = new Registry()
  places = bulkhead(callsMax, bulkheadMetrics(registry).of('bank'))
})

async function enterOften(times: number, through = places): Promise<(() => void)[]> {
  const leaves = await Promise.all(Array.from({ length: times }, () => through.enter()))
  return leaves.filter(leave => leave !== undefined)
}

async function shown(name: string): Promise<number | undefined> {
  const metric = await registry.getSingleMetric(name)?.get()
  return metric?.values[0]?.value
}

test('as many calls as may be are under way, and the next is refused at once', async () => {
  expect(await enterOften(10)).toHaveLength(callsMax)
})

test('a place that was left is free for the next call', async () => {
  const [first] = await enterOften(callsMax)
  first?.()
  expect(await enterOften(10)).toHaveLength(1)
})

test('a place that is left twice is free once', async () => {
  const [first] = await enterOften(callsMax)
  first?.()
  first?.()
  expect(await enterOften(10)).toHaveLength(1)
})

test("two kinds of work do not take each other's places", async () => {
  await enterOften(10)
  const others = bulkhead(callsMax, bulkheadMetrics(new Registry()).of('search'))
  expect(await enterOften(10, others)).toHaveLength(callsMax)
})

test('what is under way and what was refused is counted', async () => {
  const [first] = await enterOften(callsMax + 2)
  expect(await shown('bulkhead_calls')).toBe(callsMax)
  expect(await shown('bulkhead_refused_total')).toBe(2)
  first?.()
  expect(await shown('bulkhead_calls')).toBe(callsMax - 1)
})

test('the naive version lets everything in', async () => {
  expect(await enterOften(1_000, noBulkhead())).toHaveLength(1_000)
})

describe('a queue in front of the places', () => {
  const waitMs = 100
  const waitingMax = 2
  let queued: Bulkhead

  beforeEach(() => {
    vi.useFakeTimers()
    registry = new Registry()
    const metrics = bulkheadMetrics(registry).of('bank')
    queued = bulkhead(callsMax, metrics, { waitMs, waitingMax })
  })
  afterEach(() => vi.useRealTimers())

  test('is served in order, as places are left', async () => {
    const [first, second] = await enterOften(callsMax, queued)
    const order: string[] = []
    const a = queued.enter().then(leave => void (leave && order.push('a')))
    const b = queued.enter().then(leave => void (leave && order.push('b')))
    first?.()
    await a
    expect(order).toEqual(['a'])
    second?.()
    await b
    expect(order).toEqual(['a', 'b'])
    expect(await shown('bulkhead_calls')).toBe(callsMax)
  })

  test('refuses a call at once when it is full, and another after its wait', async () => {
    await enterOften(callsMax, queued)
    const waiting = [queued.enter(), queued.enter()]
    expect(await queued.enter()).toBeUndefined()
    vi.advanceTimersByTime(waitMs)
    expect(await Promise.all(waiting)).toEqual([undefined, undefined])
    expect(await shown('bulkhead_refused_total')).toBe(3)
  })

  test('gives no place to a call that has stopped waiting', async () => {
    const [first] = await enterOften(callsMax, queued)
    const late = queued.enter()
    vi.advanceTimersByTime(waitMs)
    await late
    first?.()
    expect(await shown('bulkhead_calls')).toBe(callsMax - 1)
    expect(await enterOften(1, queued)).toHaveLength(1)
  })
})
