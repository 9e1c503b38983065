import { expect, test } from 'vitest'
import { fairShare } from './fair-share.ts'

const limits = { activeMs: 2_000, burstMs: 1_000, tenantsMax: 3 }
const msPerSecond = 1_000

function openLab(rate: () => number | undefined) {
  let nowMs = 0
  const shares = fairShare(limits, rate, () => nowMs)
  return {
    shares,
    pass: (ms: number) => {
      nowMs += ms
    },
    /** Each tenant asks so often per second; answers how many found it below its share, per second. */
    run(seconds: number, demand: Readonly<Record<string, number>>) {
      const below: Record<string, number> = {}
      const due: Record<string, number> = {}
      for (let step = 0; step < seconds * 100; step += 1) {
        nowMs += msPerSecond / 100
        for (const [tenant, perSecond] of Object.entries(demand)) {
          due[tenant] = (due[tenant] ?? 0) + perSecond / 100
          for (; (due[tenant] ?? 0) >= 1; due[tenant] = (due[tenant] ?? 0) - 1) {
            if (shares.standingOf(tenant) === 'over') continue
            shares.use(tenant)
            below[tenant] = (below[tenant] ?? 0) + 1
          }
        }
      }
      return Object.fromEntries(Object.entries(below).map(([name, n]) => [name, n / seconds]))
    },
  }
}

test('a tenant that sends ten times as much as the others is over its share, and they are not', () => {
  const { run } = openLab(() => 10)
  const demand = { loud: 23, quiet: 2.3, calm: 2.3 }
  run(10, demand)
  const below = run(30, demand)
  expect(below['quiet']).toBeCloseTo(2.3, 1)
  expect(below['calm']).toBeCloseTo(2.3, 1)
  // Seven are promised, and the others want 4.6 of them.
  expect(below['loud']).toBeGreaterThan(2)
  expect(below['loud']).toBeLessThan(2.8)
})

test('tenants that all want too much have equal shares', () => {
  const { run } = openLab(() => 10)
  const demand = { loud: 50, eager: 25, busy: 5 }
  run(10, demand)
  for (const perSecond of Object.values(run(30, demand))) expect(perSecond).toBeCloseTo(7 / 3, 0)
})

test('nobody is over a share while all that is wanted is given out', () => {
  const { run } = openLab(() => 10)
  const demand = { large: 5, small: 1, tiny: 0.5 }
  run(10, demand)
  expect(run(30, demand)['large']).toBeCloseTo(5, 1)
})

test('who asks again and again wants no more than before', () => {
  const { shares, run, pass } = openLab(() => 10)
  run(10, { patient: 2, large: 4 })
  for (let i = 0; i < 500; i += 1) {
    pass(10)
    shares.standingOf('patient', true)
    if (i % 20 === 0) expect(shares.standingOf('large')).not.toBe('over')
  }
})

test('a tenant that wants less than its share is modest, also when it asks again', () => {
  const { shares, run, pass } = openLab(() => 10)
  run(10, { quiet: 2, loud: 60 })
  pass(msPerSecond / 2)
  expect(shares.standingOf('quiet')).toBe('modest')
  expect(shares.standingOf('quiet', true)).toBe('modest')
})

test('a tenant that wants little more than its share is not over it, and one that wants much more is', () => {
  const { shares, run } = openLab(() => 9)
  const over = (tenant: string) => {
    for (let i = 0; i < 5; i += 1) shares.use(tenant)
    return shares.standingOf(tenant)
  }
  run(10, { equal: 2.4, same: 2.4, loud: 30 })
  expect(over('equal')).toBe('within')
  expect(over('loud')).toBe('over')
})

test('of tenants that want nearly the same, none is modest', () => {
  const { shares, run, pass } = openLab(() => 8)
  run(10, { one: 2.4, other: 2.4, slower: 1.6 })
  pass(msPerSecond / 4)
  expect(shares.standingOf('slower', true)).not.toBe('modest')
})

test.each([
  { title: 'that is alone', demand: { one: 60 } },
  { title: 'beside one that wants as much', demand: { one: 60, other: 60 } },
])('a tenant $title is not modest', ({ demand }) => {
  const { shares, run, pass } = openLab(() => 10)
  run(10, demand)
  pass(msPerSecond / 2)
  expect(shares.standingOf('one')).toBe('within')
})

test('the only active tenant may use everything', () => {
  const { run } = openLab(() => 10)
  run(5, { alone: 9, gone: 1 })
  expect(run(30, { alone: 9 })['alone']).toBeGreaterThan(8.5)
})

test('without a known limit nobody is over a share', () => {
  const { run } = openLab(() => undefined)
  expect(run(3, { loud: 500 })['loud']).toBeCloseTo(500, 0)
})

test('what was used while there was enough for all does not count when there is not', () => {
  let rate: number | undefined = 10
  const { run } = openLab(() => rate)
  run(2, { loud: 100 })
  rate = undefined
  run(2, { loud: 500 })
  rate = 10
  expect(run(1, { loud: 5 })['loud']).toBeCloseTo(5, 0)
})

test('a tenant that was not given a place has used nothing', () => {
  const { shares } = openLab(() => 3)
  for (let i = 0; i < 20; i += 1) expect(shares.standingOf('patient')).not.toBe('over')
})

test('more tenants than it remembers do not make it grow, and each new one begins with its share', () => {
  const { shares } = openLab(() => 10)
  for (let i = 0; i < 10_000; i += 1) {
    expect(shares.standingOf(`tenant-${i}`)).not.toBe('over')
    shares.use(`tenant-${i}`)
  }
})

test('a tenant that has just come has its share at once, although it was not seen to want much yet', () => {
  const { shares, run, pass } = openLab(() => 10)
  run(5, { loud: 60 })
  for (const tenant of ['quiet', 'calm']) expect(shares.standingOf(tenant)).not.toBe('over')
  pass(msPerSecond / 4)
  // What is promised is 7 a second. The loud one may use its part of a second at once, and again.
  expect(run(1, { loud: 60, quiet: 2.1, calm: 2.1 })['loud']).toBeLessThanOrEqual(7)
})
