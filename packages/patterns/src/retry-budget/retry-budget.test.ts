import { deadlineIn } from '@nightshift/runtime/process/deadline'
import { NotTried, type Outcome } from '@nightshift/runtime/process/outcome'
import { Registry } from 'prom-client'
import { beforeEach, describe, expect, test } from 'vitest'
import { retryMetrics } from './metrics.ts'
import { repeatThreeTimes } from './naive.ts'
import { neverRepeat } from './never.ts'
import { type RetryLimits, retryBudget } from './retry-budget.ts'
import type { Retries } from './types.ts'

const limits: RetryLimits = {
  retriesMax: 2,
  retryShare: 0.1,
  retriesPerSecondMin: 1,
  retriesSavedMax: 5,
  retryBaseMs: 100,
  retryCapMs: 150,
  retryLeftMinMs: 1_000,
}
const cause = new Error('connection refused')
const notSent: Outcome<never> = { kind: 'not-sent', cause }
const longMs = 60_000

let nowMs: number
let registry: Registry
let retries: Retries

/** Both ends of every random wait are looked at. */
function open(changes: Partial<RetryLimits> = {}, random = 1): void {
  registry = new Registry()
  const metrics = retryMetrics(registry).of('bank')
  retries = retryBudget(
    { ...limits, ...changes },
    metrics,
    () => nowMs,
    () => random,
  )
}

beforeEach(() => {
  nowMs = 0
  open()
})

const waitAfter = (outcome: Outcome<unknown, unknown>, triesMade = 1, budgetMs = longMs) =>
  retries.waitBeforeNext(triesMade, outcome, deadlineIn(budgetMs))

/** Makes calls that all fail; answers how many tries reach the dependency. */
function triesOf(calls: number, policy = retries, msBetween = 0): number {
  let tries = 0
  for (let i = 0; i < calls; i += 1) {
    nowMs += msBetween
    policy.begin()
    tries += 1
    for (let made = 1; policy.waitBeforeNext(made, notSent, deadlineIn(longMs)) !== undefined; ) {
      tries += 1
      made += 1
    }
  }
  return tries
}

describe('the budget', () => {
  test('lets a tenth of the calls be repeated while everything fails, after what was saved', () => {
    const tries = triesOf(1_000)
    expect(tries).toBeGreaterThanOrEqual(1_000 + 100)
    expect(tries).toBeLessThanOrEqual(1_000 + 100 + limits.retriesSavedMax)
  })

  test('gives a quiet process some repetitions per second', () => {
    triesOf(100)
    const perMinute = triesOf(60, retries, 1_000) - 60
    expect(perMinute).toBeGreaterThanOrEqual(60)
    expect(perMinute).toBeLessThanOrEqual(60 + 6 + 1)
  })

  test('saves no more than its bound, however long nothing fails', () => {
    for (let i = 0; i < 10_000; i += 1) retries.begin()
    nowMs += 3_600_000
    expect(triesOf(20) - 20).toBeLessThanOrEqual(limits.retriesSavedMax + 2)
  })

  test('repeats one call no more often than its bound', () => {
    expect(waitAfter(notSent, limits.retriesMax)).toBeDefined()
    expect(waitAfter(notSent, limits.retriesMax + 1)).toBeUndefined()
  })
})

const ends: [string, Outcome<unknown, unknown>, isRepeated: boolean][] = [
  ['an answer', { kind: 'ok', value: 1 }, false],
  ['a business refusal', { kind: 'rejected', reason: 'declined' }, false],
  ['a request that the other side calls a misuse', { kind: 'bug', cause }, false],
  ['an unknown outcome, which the reconciler finds out', { kind: 'unknown', cause }, false],
  ['what was not sent', notSent, true],
  ['what our own side refused to send', { kind: 'not-sent', cause: new NotTried('open') }, false],
  ['a refusal for now', { kind: 'shed', retryAfterMs: 50 }, true],
  [
    'a refusal that another layer answers to',
    { kind: 'shed', retryAfterMs: 50, doNotRetry: true },
    false,
  ],
]

test.each(ends)('repeats, or does not: %s', (_what, outcome, isRepeated) => {
  expect(waitAfter(outcome) !== undefined).toBe(isRepeated)
})

describe('the wait', () => {
  test('is random below a bound that doubles up to its cap', () => {
    open({}, 0)
    expect(waitAfter(notSent)).toBe(0)
    open({}, 1)
    expect([waitAfter(notSent, 1), waitAfter(notSent, 2)]).toEqual([100, 150])
  })

  test('is never shorter than the other side asked for, and not the same for all', () => {
    const shed: Outcome<never> = { kind: 'shed', retryAfterMs: limits.retryCapMs }
    open({}, 0)
    expect(waitAfter(shed)).toBe(150)
    open({}, 1)
    expect(waitAfter(shed)).toBe(180)
  })

  test('is left to the caller when the other side asked for a longer one', () => {
    expect(waitAfter({ kind: 'shed', retryAfterMs: limits.retryCapMs + 1 })).toBeUndefined()
  })

  test('leaves time for the repetition, or there is none', () => {
    const shed: Outcome<never> = { kind: 'shed', retryAfterMs: 100 }
    open({}, 0)
    expect(waitAfter(shed, 1, 1_200)).toBe(100)
    expect(waitAfter(shed, 1, 1_050)).toBeUndefined()
  })
})

test('a call that is too late costs no token', () => {
  for (let i = 0; i < 100; i += 1) waitAfter(notSent, 1, limits.retryLeftMinMs)
  expect(triesOf(1)).toBeGreaterThan(1)
})

test('every decision about a repetition is counted', async () => {
  for (let i = 0; i <= limits.retriesSavedMax; i += 1) waitAfter(notSent)
  waitAfter(notSent, 1, 1)
  waitAfter({ kind: 'shed', retryAfterMs: limits.retryCapMs + 1 })
  const { values } = (await registry.getMetricsAsJSON())[0] ?? { values: [] }
  expect(values.map(({ labels, value }) => [labels['result'], value])).toEqual([
    ['repeated', limits.retriesSavedMax],
    ['too long', 1],
    ['too late', 1],
    ['no budget', 1],
  ])
})

test('the naive version makes four tries of each call, and three such layers make 64', () => {
  expect(triesOf(100, repeatThreeTimes())).toBe(400)
  let atTheDependency = 0
  const layer = (below: () => void) => () => {
    const policy = repeatThreeTimes()
    for (let made = 1; ; made += 1) {
      below()
      if (policy.waitBeforeNext(made, notSent, deadlineIn(longMs)) === undefined) return
    }
  }
  const dependency = () => {
    atTheDependency += 1
  }
  layer(layer(layer(dependency)))()
  expect(atTheDependency).toBe(64)
})

test('the naive version does not hear a Retry-After, and repeats unknown outcomes', () => {
  const { waitBeforeNext } = repeatThreeTimes()
  const deadline = deadlineIn(longMs)
  expect(waitBeforeNext(1, { kind: 'shed', retryAfterMs: 5_000 }, deadline)).toBe(50)
  expect(waitBeforeNext(1, { kind: 'unknown', cause }, deadline)).toBe(50)
})

test('a job makes each call once', () => {
  expect(triesOf(10, neverRepeat())).toBe(10)
})
