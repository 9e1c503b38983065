import { once } from 'node:events'
import { type Deadline, deadlineIn } from '@nightshift/runtime/process/deadline'
import type { Outcome } from '@nightshift/runtime/process/outcome'
import type { Log, LogFields } from '@nightshift/runtime/telemetry/logger'
import CircuitBreaker from 'opossum'
import { Registry } from 'prom-client'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  type CallDependency,
  type DependencyLimits,
  type DependencyMetrics,
  dependency,
  dependencyMetrics,
} from './call-dependency.ts'
import type { CircuitBreakerLogEvent } from './log-events.ts'

const limits: DependencyLimits = {
  attemptMs: 60_000,
  attemptMinMs: 50,
  breakerWindowMs: 60_000,
  breakerVolumeMin: 5,
  breakerFailurePercent: 50,
  breakerOpenMs: 60_000,
}

let lines: LogFields<string>[]
let metrics: DependencyMetrics
let call: CallDependency
let asked: number

function open(changes: Partial<DependencyLimits> = {}): void {
  const write = (fields: LogFields<string>) => void lines.push(fields)
  const log = { info: write, warn: write, error: write } as Log<CircuitBreakerLogEvent>
  call = dependency('bank', { ...limits, ...changes }, log, metrics)
}

beforeEach(() => {
  lines = []
  asked = 0
  metrics = dependencyMetrics(new Registry())
  open()
})

const budgetMs = 120_000

function ask(outcome: Outcome<string, string> | Error, deadline: Deadline = deadlineIn(budgetMs)) {
  return call('charge', deadline, async (): Promise<Outcome<string, string>> => {
    asked += 1
    if (outcome instanceof Error) throw outcome
    return outcome
  })
}

async function askOften(outcome: Outcome<string, string> | Error, times = 20) {
  for (let i = 0; i < times; i++) await ask(outcome)
}

async function breakerState() {
  return (await metrics.breakerState.get()).values[0]?.value
}

/** Bounded by the timeout of the test. */
async function eventuallyState(state: number) {
  const pollMs = 2
  while ((await breakerState()) !== state) await new Promise(r => setTimeout(r, pollMs))
}

const cause = new Error('silence')

describe('the breaker opens', () => {
  test.each([
    ['unknown', { kind: 'unknown', cause }],
    ['not-sent', { kind: 'not-sent', cause }],
  ] as const)('when enough end %s, and then nobody is asked', async (_kind, outcome) => {
    await askOften(outcome, limits.breakerVolumeMin)
    expect(asked).toBe(limits.breakerVolumeMin)
    expect((await ask({ kind: 'ok', value: 'x' })).kind).toBe('not-sent')
    expect(asked).toBe(limits.breakerVolumeMin)
    expect(await breakerState()).toBe(1)
    expect(lines).toEqual([{ event: 'breaker.opened', dependency: 'bank' }])
  })

  test('not before there were enough to judge by', async () => {
    await askOften({ kind: 'unknown', cause }, limits.breakerVolumeMin - 1)
    expect((await ask({ kind: 'ok', value: 'x' })).kind).toBe('ok')
  })

  test('not by a share of failures that is bearable', async () => {
    for (let i = 0; i < 20; i++) {
      await ask(i % 3 === 2 ? { kind: 'unknown', cause } : { kind: 'ok', value: 'x' })
    }
    expect(await breakerState()).toBe(0)
  })
})

describe('the breaker stays closed, because it was an answer', () => {
  test.each([
    ['rejected', { kind: 'rejected', reason: 'card_declined' }],
    ['shed', { kind: 'shed', retryAfterMs: 1_000 }],
    ['bug', { kind: 'bug', cause }],
  ] as const)('%s', async (kind, outcome) => {
    await askOften(outcome)
    expect((await ask(outcome)).kind).toBe(kind)
    expect(await breakerState()).toBe(0)
  })

  test('or a mistake of our own, which is told as a bug', async () => {
    await askOften(new TypeError('x is not a function'))
    const outcome = await ask(new TypeError('x is not a function'))
    expect(outcome.kind).toBe('bug')
    expect(await breakerState()).toBe(0)
    expect(lines[0]).toMatchObject({ event: 'dependency.bug', operation: 'charge' })
  })

  test('or a caller who did not leave it the time that an answer takes', async () => {
    for (let i = 0; i < 20; i++) await ask({ kind: 'unknown', cause }, deadlineIn(100))
    expect(asked).toBe(20)
    expect(await breakerState()).toBe(0)
  })
})

test('with too little time left nobody is asked', async () => {
  expect((await ask({ kind: 'ok', value: 'x' }, deadlineIn(49))).kind).toBe('not-sent')
  expect(asked).toBe(0)
})

test('an attempt has its own limit or what is left of the deadline, whichever is less', async () => {
  const given = async (deadline: Deadline) => {
    let remainingMs = 0
    await call('charge', deadline, async perTry => {
      remainingMs = perTry.remainingMs()
      return { kind: 'ok', value: 'x' }
    })
    return remainingMs
  }
  expect(await given(deadlineIn(budgetMs))).toBeLessThanOrEqual(limits.attemptMs)
  expect(await given(deadlineIn(1_000))).toBeLessThanOrEqual(1_000)
})

test('every outcome is measured by its kind, and an answer of the breaker as well', async () => {
  await askOften({ kind: 'unknown', cause }, limits.breakerVolumeMin)
  await ask({ kind: 'ok', value: 'x' })
  const { values } = await metrics.callSeconds.get()
  const counts = values.filter(value => value.metricName?.endsWith('_count'))
  expect(counts.map(({ labels, value }) => [labels.outcome, value])).toEqual([
    ['unknown', limits.breakerVolumeMin],
    ['not-sent', 1],
  ])
})

describe('an open breaker', () => {
  test('asks one when its time is over, and closes on an answer, be it a no', async () => {
    open({ breakerOpenMs: 10 })
    await askOften({ kind: 'unknown', cause }, limits.breakerVolumeMin)
    await eventuallyState(0.5)
    expect((await ask({ kind: 'rejected', reason: 'card_declined' })).kind).toBe('rejected')
    expect(await breakerState()).toBe(0)
    expect((await ask({ kind: 'ok', value: 'x' })).kind).toBe('ok')
  })

  test('opens again when that one ends unknown', async () => {
    open({ breakerOpenMs: 10 })
    await askOften({ kind: 'unknown', cause }, limits.breakerVolumeMin)
    await eventuallyState(0.5)
    const before = asked
    expect((await ask({ kind: 'unknown', cause })).kind).toBe('unknown')
    expect(asked).toBe(before + 1)
    expect(await breakerState()).toBe(1)
    await eventuallyState(0.5)
  })

  test('asks only one while it is half open', async () => {
    open({ breakerOpenMs: 10 })
    await askOften({ kind: 'unknown', cause }, limits.breakerVolumeMin)
    await eventuallyState(0.5)
    const probe = Promise.withResolvers<Outcome<string>>()
    const first = call('charge', deadlineIn(budgetMs), () => probe.promise)
    const before = asked
    expect((await ask({ kind: 'ok', value: 'x' })).kind).toBe('not-sent')
    expect(asked).toBe(before)
    probe.resolve({ kind: 'ok', value: 'back' })
    expect((await first).kind).toBe('ok')
    expect((await ask({ kind: 'ok', value: 'x' })).kind).toBe('ok')
  })
})

/**
 * The table of what is neutral: neither a success nor a failure of the dependency. Each row fails on
 * opossum as its README shows it, where an error that `errorFilter` lets pass is emitted as a success
 * (opossum 10.0.0, lib/circuit.js, handleError).
 */
describe('a neutral end', () => {
  const hurriedMs = 100
  const neutral = [
    ['a caller in a hurry', { kind: 'unknown', cause }, hurriedMs],
    ['a caller in a hurry that was not even sent', { kind: 'not-sent', cause }, hurriedMs],
    ['a mistake of our own', new TypeError('x is not a function'), budgetMs],
    ['a request that the dependency calls a misuse', { kind: 'bug', cause }, budgetMs],
    ['a dependency that sheds load', { kind: 'shed', retryAfterMs: 1_000 }, budgetMs],
  ] as const

  const halfOpen = async () => {
    open({ breakerOpenMs: 10 })
    await askOften({ kind: 'unknown', cause }, limits.breakerVolumeMin)
    await eventuallyState(0.5)
  }

  describe.each(neutral)('%s', (_name, outcome, leftMs) => {
    test('does not close a half-open breaker, and leaves the probe to the next caller', async () => {
      await halfOpen()
      for (let i = 0; i < 3; i++) await ask(outcome, deadlineIn(leftMs))
      expect(await breakerState()).toBe(0.5)
      const before = asked
      await ask({ kind: 'ok', value: 'back' })
      expect(asked).toBe(before + 1)
      expect(await breakerState()).toBe(0)
    })

    test('does not open a half-open breaker', async () => {
      await halfOpen()
      await ask(outcome, deadlineIn(leftMs))
      expect(await breakerState()).toBe(0.5)
    })

    test('does not dilute the rate of failures', async () => {
      for (let i = 0; i < 10 * limits.breakerVolumeMin; i++) await ask(outcome, deadlineIn(leftMs))
      await askOften({ kind: 'unknown', cause }, limits.breakerVolumeMin)
      expect(await breakerState()).toBe(1)
    })
  })

  test('bare opossum closes on it: the reason why the breaker is not fired around a call', async () => {
    const bare = new CircuitBreaker(async (error: Error) => Promise.reject(error), {
      errorFilter: error => error.message === 'a caller in a hurry',
      volumeThreshold: 1,
      resetTimeout: 10,
    })
    await bare.fire(cause).catch(() => {})
    expect(bare.opened).toBe(true)
    await once(bare, 'halfOpen')
    await bare.fire(new Error('a caller in a hurry')).catch(() => {})
    expect(bare.closed).toBe(true)
  })
})

test('an attempt that ignores its deadline ends unknown, is neutral, and gives the probe back', async () => {
  open({ breakerOpenMs: 10, attemptMs: 60 })
  await askOften({ kind: 'unknown', cause }, limits.breakerVolumeMin)
  await eventuallyState(0.5)
  const stuck = await call('charge', deadlineIn(budgetMs), () => new Promise<never>(() => {}))
  expect(stuck.kind).toBe('unknown')
  expect(await breakerState()).toBe(0.5)
  expect((await ask({ kind: 'ok', value: 'back' })).kind).toBe('ok')
  expect(await breakerState()).toBe(0)
})

test('an answer to a call from before the breaker opened does not close it', async () => {
  open({ breakerOpenMs: 10 })
  const late = Promise.withResolvers<Outcome<string>>()
  const before = call('charge', deadlineIn(budgetMs), () => late.promise)
  await askOften({ kind: 'unknown', cause }, limits.breakerVolumeMin)
  await eventuallyState(0.5)
  late.resolve({ kind: 'ok', value: 'sent long ago' })
  expect((await before).kind).toBe('ok')
  expect(await breakerState()).toBe(0.5)
})
