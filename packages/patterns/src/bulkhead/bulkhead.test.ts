import { Registry } from 'prom-client'
import { beforeEach, expect, test } from 'vitest'
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

function enterOften(times: number, through = places): (() => void)[] {
  return Array.from({ length: times }, () => through.enter()).filter(leave => leave !== undefined)
}

async function shown(name: string): Promise<number | undefined> {
  const metric = await registry.getSingleMetric(name)?.get()
  return metric?.values[0]?.value
}

test('as many calls as may be are under way, and the next is refused at once', () => {
  expect(enterOften(10)).toHaveLength(callsMax)
})

test('a place that was left is free for the next call', () => {
  const [first] = enterOften(callsMax)
  first?.()
  expect(enterOften(10)).toHaveLength(1)
})

test('a place that is left twice is free once', () => {
  const [first] = enterOften(callsMax)
  first?.()
  first?.()
  expect(enterOften(10)).toHaveLength(1)
})

test("two kinds of work do not take each other's places", () => {
  enterOften(10)
  const others = bulkhead(callsMax, bulkheadMetrics(new Registry()).of('search'))
  expect(enterOften(10, others)).toHaveLength(callsMax)
})

test('what is under way and what was refused is counted', async () => {
  const [first] = enterOften(callsMax + 2)
  expect(await shown('bulkhead_calls')).toBe(callsMax)
  expect(await shown('bulkhead_refused_total')).toBe(2)
  first?.()
  expect(await shown('bulkhead_calls')).toBe(callsMax - 1)
})

test('the naive version lets everything in', () => {
  expect(enterOften(1_000, noBulkhead())).toHaveLength(1_000)
})
