import { expect, test } from 'vitest'
import { largestOf, perSecond, quantileOf, sumOf } from './figures.ts'
import { parseMetrics } from './metrics-text.ts'

const at = (ms: number, text: string) => parseMetrics(text, ms)

test('a rate is what a counter grew by, divided by the time between the scrapes', () => {
  const before = at(1_000, 'paid_total{status="201"} 10\npaid_total{status="503"} 4')
  const after = at(3_000, 'paid_total{status="201"} 16\npaid_total{status="503"} 4')
  expect(perSecond(before, after, { name: 'paid_total' })).toBe(3)
  const refused = {
    name: 'paid_total',
    where: ({ status }: Record<string, string>) => status === '503',
  }
  expect(perSecond(before, after, refused)).toBe(0)
  expect(perSecond(after, after, { name: 'paid_total' })).toBe(0)
})

test('a process that began anew counts from zero, and a label that is new does, too', () => {
  const before = at(0, 'paid_total{status="201"} 500')
  const after = at(1_000, 'paid_total{status="201"} 7\npaid_total{status="402"} 2')
  expect(perSecond(before, after, { name: 'paid_total' })).toBe(9)
})

test('a gauge is summed or its largest value taken, and one that is not there is undefined', () => {
  const now = at(0, 'open{of="a"} 2\nopen{of="b"} 5')
  expect(sumOf(now, { name: 'open' })).toBe(7)
  expect(largestOf(now, { name: 'open' })).toBe(5)
  expect(sumOf(now, { name: 'closed' })).toBeUndefined()
  expect(largestOf(now, { name: 'closed' })).toBeUndefined()
})

function histogram(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([le, count]) => `took_bucket{le="${le}"} ${count}`)
    .join('\n')
}

test.each([
  // All ten of the window lie between 0.1 and 0.2.
  [0.5, { '0.1': 5, '0.2': 15, '+Inf': 15 }, 0.15],
  [0.99, { '0.1': 5, '0.2': 15, '+Inf': 15 }, 0.199],
  // Five below 0.1, five above 0.2: the last bound that is known.
  [0.99, { '0.1': 10, '0.2': 10, '+Inf': 15 }, 0.2],
  [0.5, { '0.1': 10, '0.2': 10, '+Inf': 15 }, 0.1],
])('the %d quantile of %j since the scrape before is %d', (share, counts, expected) => {
  const before = at(0, histogram({ '0.1': 5, '0.2': 5, '+Inf': 5 }))
  const after = at(1_000, histogram(counts))
  expect(quantileOf(before, after, { name: 'took' }, share)).toBeCloseTo(expected, 6)
})

test('there is no quantile of nothing', () => {
  const same = at(0, histogram({ '0.1': 5, '+Inf': 5 }))
  expect(quantileOf(same, same, { name: 'took' }, 0.99)).toBeUndefined()
  expect(quantileOf(same, same, { name: 'other' }, 0.99)).toBeUndefined()
})
