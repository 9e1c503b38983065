import { type Deadline, deadlineIn } from '@nightshift/runtime/process/deadline'
import { NotTried, type Outcome } from '@nightshift/runtime/process/outcome'
import type { Log, LogFields } from '@nightshift/runtime/telemetry/logger'
import { Registry } from 'prom-client'
import { beforeEach, describe, expect, test } from 'vitest'
import { bulkhead } from '../bulkhead/bulkhead.ts'
import { bulkheadMetrics } from '../bulkhead/metrics.ts'
import { noBulkhead } from '../bulkhead/naive.ts'
import type { CallResult } from '../circuit-breaker/circuit-breaker.ts'
import type { CircuitBreakerLogEvent } from '../circuit-breaker/log-events.ts'
import { type DependencyMetrics, dependencyMetrics } from '../circuit-breaker/metrics.ts'
import { LocalStall } from '../local-stall/types.ts'
import { neverRepeat } from '../retry-budget/never.ts'
import { type OutboundCall, type OutboundCallOptions, outboundCall } from './outbound-call.ts'

const limits = { attemptMs: 60_000, attemptMinMs: 50 }
const budgetMs = 120_000
/** Enough to be asked, and less than an answer takes. */
const hurriedMs = 100
const cause = new Error('silence')
const longStall = new LocalStall(limits.attemptMs / 2)
const shortStall = new LocalStall(100)

let lines: LogFields<string>[]
let metrics: DependencyMetrics
let results: CallResult[]
let call: OutboundCall
let asked: number

/** A breaker that records the result of every call. */
const recording: OutboundCallOptions['breaker'] = {
  admit: () => ({ settle: async result => void results.push(result) }),
}
const openBreaker: OutboundCallOptions['breaker'] = { admit: () => undefined }

function open(changes: Partial<OutboundCallOptions> = {}): void {
  const write = (fields: LogFields<string>) => void lines.push(fields)
  call = outboundCall({
    dependency: 'bank',
    limits,
    retries: neverRepeat(),
    breaker: recording,
    bulkhead: noBulkhead(),
    log: { info: write, warn: write, error: write } as Log<CircuitBreakerLogEvent>,
    metrics,
    ...changes,
  })
}

beforeEach(() => {
  lines = []
  results = []
  asked = 0
  metrics = dependencyMetrics(new Registry())
  open()
})

function ask(outcome: Outcome<string, string> | Error, deadline: Deadline = deadlineIn(budgetMs)) {
  return call('charge', deadline, async (): Promise<Outcome<string, string>> => {
    asked += 1
    if (outcome instanceof Error) throw outcome
    return outcome
  })
}

const ok: Outcome<string, string> = { kind: 'ok', value: 'x' }
const ends: [string, Outcome<string, string>, budgetMs: number, CallResult][] = [
  ['an answer', ok, budgetMs, 'ok'],
  ['a business refusal', { kind: 'rejected', reason: 'card_declined' }, budgetMs, 'ok'],
  ['a missing answer', { kind: 'unknown', cause }, budgetMs, 'failed'],
  ['a refused connection', { kind: 'not-sent', cause }, budgetMs, 'failed'],
  ['a dependency that sheds load', { kind: 'shed', retryAfterMs: 1_000 }, budgetMs, 'neutral'],
  ['a request that the dependency calls a misuse', { kind: 'bug', cause }, budgetMs, 'neutral'],
  ['a refused connection to a caller in a hurry', { kind: 'not-sent', cause }, hurriedMs, 'failed'],
  ['a long stall of our own', { kind: 'unknown', cause: longStall }, budgetMs, 'neutral'],
  ['a short stall before a silence', { kind: 'unknown', cause: shortStall }, budgetMs, 'failed'],
]

test.each(ends)('%s tells the breaker what it says', async (_what, outcome, leftMs, result) => {
  expect(await ask(outcome, deadlineIn(leftMs))).toEqual(outcome)
  expect(results).toEqual([result])
})

test('silence until the time of a caller in a hurry is over says nothing to the breaker', async () => {
  const deadline = deadlineIn(hurriedMs)
  const silent = (perTry: Deadline) =>
    new Promise<Outcome<string, string>>(resolve => {
      setTimeout(() => resolve({ kind: 'unknown', cause }), perTry.remainingMs() + 1)
    })
  expect((await call('charge', deadline, silent)).kind).toBe('unknown')
  expect(results).toEqual(['neutral'])
})

test('an unknown outcome is not forgotten when a later try was not sent or was shed', async () => {
  const thrice = { begin: () => {}, waitBeforeNext: (made: number) => (made < 3 ? 0 : undefined) }
  open({ retries: thrice })
  const ends = (...outcomes: Outcome<string, string>[]) =>
    call('charge', deadlineIn(budgetMs), async () => outcomes.shift() ?? ok)
  const lost: Outcome<string, string> = { kind: 'unknown', cause }
  const notSent: Outcome<string, string> = { kind: 'not-sent', cause }
  expect((await ends(lost, notSent, notSent)).kind).toBe('unknown')
  expect((await ends(notSent, lost, { kind: 'shed', retryAfterMs: 1 })).kind).toBe('unknown')
  expect((await ends(notSent, notSent, notSent)).kind).toBe('not-sent')
  expect((await ends(lost, notSent, ok)).kind).toBe('ok')
})

test('an error of our own code is neutral, and told as a bug', async () => {
  const error = new TypeError('x is not a function')
  expect(await ask(error)).toEqual({ kind: 'bug', cause: error })
  expect(results).toEqual(['neutral'])
  expect(lines[0]).toMatchObject({ event: 'dependency.bug', operation: 'charge' })
})

describe('the dependency is not asked', () => {
  test('while the breaker is open', async () => {
    open({ breaker: openBreaker })
    expect((await ask(ok)).kind).toBe('not-sent')
    expect(asked).toBe(0)
  })

  test('while as many calls as may be are under way, and the breaker hears nothing bad', async () => {
    open({ bulkhead: bulkhead(1, bulkheadMetrics(new Registry()).of('bank')) })
    const answer = Promise.withResolvers<Outcome<string, string>>()
    const first = call('charge', deadlineIn(budgetMs), () => answer.promise)
    expect((await ask(ok)).kind).toBe('not-sent')
    expect([asked, results]).toEqual([0, ['neutral']])
    answer.resolve(ok)
    await first
    expect((await ask(ok)).kind).toBe('ok')
  })

  test('with too little time left, and the breaker records nothing', async () => {
    expect((await ask(ok, deadlineIn(limits.attemptMinMs - 1))).kind).toBe('not-sent')
    expect(asked).toBe(0)
    expect(results).toEqual([])
  })
})

test('an attempt has its own limit or the rest of the deadline, whichever is less', async () => {
  const given = async (deadline: Deadline) => {
    let remainingMs = 0
    await call('charge', deadline, async perTry => {
      remainingMs = perTry.remainingMs()
      return ok
    })
    return remainingMs
  }
  expect(await given(deadlineIn(budgetMs))).toBeLessThanOrEqual(limits.attemptMs)
  expect(await given(deadlineIn(1_000))).toBeLessThanOrEqual(1_000)
})

test('every outcome is measured by its kind, and so is a call that the breaker refused', async () => {
  for (let i = 0; i < 3; i += 1) await ask({ kind: 'unknown', cause })
  open({ breaker: openBreaker })
  await ask(ok)
  const { values } = await metrics.callSeconds.get()
  const counts = values.filter(value => value.metricName?.endsWith('_count'))
  expect(counts.map(({ labels, value }) => [labels.outcome, value])).toEqual([
    ['unknown', 3],
    ['not-sent', 1],
  ])
})

test('only a call that ran out of time for a stall of our own is counted as one, per dependency', async () => {
  const stalls = async () => {
    const { values } = await metrics.localStalls.get()
    return values.map(({ labels, value }) => [labels.dependency, value])
  }
  for (const outcome of [ok, { kind: 'unknown', cause }, { kind: 'unknown', cause: shortStall }]) {
    await ask(outcome as Outcome<string, string>)
  }
  expect(await stalls()).toEqual([['bank', 0]])
  await ask({ kind: 'unknown', cause: longStall })
  await ask({ kind: 'not-sent', cause: longStall })
  expect(await stalls()).toEqual([['bank', 2]])
})

test('an attempt that ignores its deadline ends as unknown, and is neutral', async () => {
  open({ limits: { ...limits, attemptMs: 60 } })
  const stuck = await call('charge', deadlineIn(budgetMs), () => new Promise<never>(() => {}))
  expect(stuck.kind).toBe('unknown')
  expect(results).toEqual(['neutral'])
})

test('a try that outlives its caller keeps its place until its work ends', async () => {
  const attemptMs = 60
  open({
    limits: { ...limits, attemptMs },
    bulkhead: bulkhead(1, bulkheadMetrics(new Registry()).of('bank')),
  })
  const work = Promise.withResolvers<Outcome<string, string>>()
  expect((await call('charge', deadlineIn(budgetMs), () => work.promise)).kind).toBe('unknown')
  expect((await ask(ok)).kind).toBe('not-sent')
  work.resolve(ok)
  await work.promise
  await expect.poll(async () => (await ask(ok)).kind).toBe('ok')
})

test('the order is: retries, breaker, bulkhead, per-try timeout, call', async () => {
  const steps: string[] = []
  open({
    retries: {
      begin: () => void steps.push('a call begins'),
      waitBeforeNext: triesMade => {
        steps.push(`retries are asked after try ${triesMade}`)
        return triesMade < 2 ? 0 : undefined
      },
    },
    breaker: {
      admit: () => {
        steps.push('breaker admits')
        return { settle: async result => void steps.push(`breaker hears ${result}`) }
      },
    },
    bulkhead: {
      enter: async () => {
        steps.push('bulkhead is entered')
        return () => void steps.push('bulkhead is left')
      },
    },
  })
  await call('charge', deadlineIn(budgetMs), async (perTry, tryNumber) => {
    const hasOwnLimit = perTry.remainingMs() <= limits.attemptMs
    steps.push(`try ${tryNumber} ${hasOwnLimit ? 'with' : 'without'} a limit of its own`)
    return { kind: 'not-sent', cause }
  })
  const oneTry = (tryNumber: number) => [
    'breaker admits',
    'bulkhead is entered',
    `try ${tryNumber} with a limit of its own`,
    'bulkhead is left',
    'breaker hears failed',
    `retries are asked after try ${tryNumber + 1}`,
  ]
  expect(steps).toEqual(['a call begins', ...oneTry(0), ...oneTry(1)])
})

test('what the breaker or the bulkhead refuses is not repeated', async () => {
  const asks: number[] = []
  const retries = {
    begin: () => {},
    waitBeforeNext: (triesMade: number, outcome: Outcome<unknown, unknown>) => {
      asks.push(triesMade)
      expect(outcome).toMatchObject({ kind: 'not-sent', cause: expect.any(NotTried) })
      return undefined
    },
  }
  open({ retries, breaker: openBreaker })
  await ask(ok)
  open({ retries, bulkhead: { enter: async () => undefined } })
  await ask(ok)
  expect(asks).toEqual([1, 1])
})
