import { expect, test } from 'vitest'
import {
  arrivalsOf,
  intendedOffsetMs,
  phaseAt,
  type Stage,
  secondsOf,
  spikeLoad,
  steadyLoad,
  threeInTheMorning,
  virtualUsersFor,
} from './profile.ts'
import { readSettings } from './settings.ts'

const environment = {
  LISTINGS_URL: 'http://127.0.0.1:4002',
  PAYMENTS_URL: 'http://127.0.0.1:4001',
  NOTIFICATIONS_URL: 'http://127.0.0.1:4003',
  TENANTS: '11111111-0000-4000-8000-000000000001',
  API_KEYS: 'key',
}
const settingsWith = (more: Record<string, string> = {}) =>
  readSettings({ ...environment, ...more })

test('three in the morning is ten times the steady load for five of twelve minutes', () => {
  const phases = threeInTheMorning(settingsWith())
  expect(phases.map(phase => [phase.name, secondsOf(phase.stages), rateOf(phase)])).toEqual([
    ['steady', 90, 35],
    ['outages', 120, 35],
    ['saturated', 60, 50],
    ['tenfold', 300, 350],
    ['back', 150, 35],
  ])
})

test('the short form has the same rates and ends after three minutes', () => {
  const phases = threeInTheMorning(settingsWith({ SHORT: '1' }))
  expect(phases.map(rateOf)).toEqual([35, 35, 50, 350, 35])
  expect(phases.map(({ stages }) => secondsOf(stages))).toEqual([15, 60, 15, 60, 25])
})

test('every scenario can have another length', () => {
  const settings = settingsWith({ SECONDS: '30' })
  for (const phases of [
    threeInTheMorning(settings),
    steadyLoad(settings, 60),
    spikeLoad(settings, 60),
  ]) {
    const seconds = phases.map(({ stages }) => secondsOf(stages))
    expect(seconds.reduce((a, b) => a + b)).toBeCloseTo(30)
  }
})

test('a visitor belongs to the phase in which it arrived', () => {
  const phases = threeInTheMorning(settingsWith({ SHORT: '1' }))
  const at = (seconds: number) => phaseAt(phases, seconds * 1000)
  expect([0, 14.9, 15, 75, 90, 149.9, 150, 174].map(at)).toEqual([
    'steady',
    'steady',
    'outages',
    'saturated',
    'tenfold',
    'tenfold',
    'back',
    'back',
  ])
  expect(at(175), 'a rounding error still falls into the last phase').toBe('back')
})

test('candidates come on top of the rated capacity, at a rate of their own', () => {
  const settings = settingsWith()
  const [employers, candidates] = arrivalsOf(threeInTheMorning(settings), settings.browseShare)
  expect(employers?.stages.map(stage => stage.toPerSecond)).toEqual([35, 35, 50, 350, 35])
  expect(candidates?.stages.map(stage => stage.toPerSecond)).toEqual([18, 18, 25, 175, 18])
  expect(arrivalsOf(threeInTheMorning(settings), 0)).toHaveLength(1)
})

test('there are as many virtual users as visitors at once, up to a bound', () => {
  expect(virtualUsersFor({ stages: [constant(10, 40)], stayMs: 8_500 })).toBe(400)
  expect(virtualUsersFor({ stages: [constant(10, 2_000)], stayMs: 10_000 })).toBe(4_000)
})

test('with a constant rate, iteration n is due after n intervals', () => {
  const stages = [constant(60, 50)]
  expect(intendedOffsetMs(stages, 0)).toBe(0)
  expect(intendedOffsetMs(stages, 1)).toBeCloseTo(20)
  expect(intendedOffsetMs(stages, 2_999)).toBeCloseTo(59_980)
})

test('on ramps and jumps, the number of iterations due equals the area below the rate so far', () => {
  const stages: Stage[] = [
    { seconds: 4, fromPerSecond: 10, toPerSecond: 90 },
    constant(1, 90),
    constant(1, 180),
    constant(1, 90),
    { seconds: 4, fromPerSecond: 90, toPerSecond: 10 },
  ]
  const all = 200 + 90 + 180 + 90 + 200
  const offsets = Array.from({ length: all }, (_unused, n) => intendedOffsetMs(stages, n))
  expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
  offsets.forEach((offset, n) => {
    expect(areaBelow(stages, offset / 1000)).toBeCloseTo(n + 1, 6)
  })
})

test('an error names every missing or invalid setting at once, and no value', () => {
  const broken = { ...environment, LISTINGS_URL: '', SEED: 'secret', TENANTS: 'a,b' }
  const attempt = () => readSettings({ ...broken, RATED_PER_SECOND: '101' })
  expect(attempt).toThrow(/LISTINGS_URL.*TENANTS.*SEED.*RATED_PER_SECOND/)
  expect(attempt).not.toThrow(/secret/)
})

test.each(['0x10', '1e1', ' 10', '1_0', '-1', '10s'])('%j is not accepted as a rate', text => {
  expect(() => readSettings({ ...environment, RATED_PER_SECOND: text })).toThrow('RATED_PER_SECOND')
})

function rateOf({ stages }: { stages: readonly Stage[] }): number | undefined {
  return stages[0]?.fromPerSecond
}

function constant(seconds: number, perSecond: number): Stage {
  return { seconds, fromPerSecond: perSecond, toPerSecond: perSecond }
}

/** Adds trapezoids, which is another way than the tested one. */
function areaBelow(stages: readonly Stage[], untilSeconds: number): number {
  let area = 0
  let left = untilSeconds
  for (const { seconds, fromPerSecond, toPerSecond } of stages) {
    const lasted = Math.min(left, seconds)
    const reached = fromPerSecond + ((toPerSecond - fromPerSecond) * lasted) / seconds
    area += (lasted * (fromPerSecond + reached)) / 2
    left -= lasted
  }
  return area
}
