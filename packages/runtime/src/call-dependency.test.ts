import { beforeEach, describe, expect, test } from 'vitest'
import { type CallDependency, type DependencyLimits, dependency } from './call-dependency.ts'
import { type Deadline, deadlineIn } from './deadline.ts'
import type { Log, LogFields } from './logger.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import type { Outcome } from './outcome.ts'

const limits: DependencyLimits = {
  attemptMs: 60_000,
  attemptMinMs: 50,
  breakerWindowMs: 60_000,
  breakerVolumeMin: 5,
  breakerFailurePercent: 50,
  breakerOpenMs: 60_000,
}

let lines: LogFields[]
let metrics: Metrics
let call: CallDependency
let asked: number

function open(changes: Partial<DependencyLimits> = {}): void {
  const write = (fields: LogFields) => void lines.push(fields)
  const log = { info: write, warn: write, error: write } as Log
  call = dependency('bank', { ...limits, ...changes }, log, metrics)
}

beforeEach(() => {
  lines = []
  asked = 0
  metrics = createMetrics('test')
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
  const { values } = await metrics.dependencyCallSeconds.get()
  const counts = values.filter(value => value.metricName?.endsWith('_count'))
  expect(counts.map(({ labels, value }) => [labels.outcome, value])).toEqual([
    ['unknown', limits.breakerVolumeMin],
    ['not-sent', 1],
  ])
})

describe('an open breaker', () => {
  const pollMs = 2
  const until = async (state: number) => {
    while ((await breakerState()) !== state) await new Promise(r => setTimeout(r, pollMs))
  }

  test('asks one when its time is over, and closes on an answer, be it a no', async () => {
    open({ breakerOpenMs: 10 })
    await askOften({ kind: 'unknown', cause }, limits.breakerVolumeMin)
    await until(0.5)
    expect((await ask({ kind: 'rejected', reason: 'card_declined' })).kind).toBe('rejected')
    expect(await breakerState()).toBe(0)
    expect((await ask({ kind: 'ok', value: 'x' })).kind).toBe('ok')
  })

  test('opens again when that one ends unknown', async () => {
    open({ breakerOpenMs: 10 })
    await askOften({ kind: 'unknown', cause }, limits.breakerVolumeMin)
    await until(0.5)
    const before = asked
    expect((await ask({ kind: 'unknown', cause })).kind).toBe('unknown')
    expect(asked).toBe(before + 1)
    expect(await breakerState()).toBe(1)
    await until(0.5)
  })

  test('asks only one while it is half open', async () => {
    open({ breakerOpenMs: 10 })
    await askOften({ kind: 'unknown', cause }, limits.breakerVolumeMin)
    await until(0.5)
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
