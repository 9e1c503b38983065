import { once } from 'node:events'
import type { Log, LogFields } from '@nightshift/runtime/telemetry/logger'
import CircuitBreakerOfOpossum from 'opossum'
import { Registry } from 'prom-client'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  type BreakerLimits,
  type CallResult,
  type CircuitBreaker,
  circuitBreaker,
} from './circuit-breaker.ts'
import type { CircuitBreakerLogEvent } from './log-events.ts'
import { type DependencyMetrics, dependencyMetrics } from './metrics.ts'
import { noBreaker } from './naive.ts'

const limits: BreakerLimits = {
  breakerWindowMs: 60_000,
  breakerVolumeMin: 5,
  breakerFailurePercent: 50,
  breakerOpenMs: 60_000,
}
const soonMs = 10
const closed = 0
const halfOpen = 0.5
const opened = 1

let lines: LogFields<string>[]
let metrics: DependencyMetrics
let breaker: CircuitBreaker

function open(changes: Partial<BreakerLimits> = {}): void {
  const write = (fields: LogFields<string>) => void lines.push(fields)
  const log = { info: write, warn: write, error: write } as Log<CircuitBreakerLogEvent>
  breaker = circuitBreaker('bank', { ...limits, ...changes }, log, metrics)
}

beforeEach(() => {
  lines = []
  metrics = dependencyMetrics(new Registry())
  open()
})

/** Makes calls that end like this, one after another; answers how many were let through. */
async function callOften(result: CallResult, times: number, through = breaker): Promise<number> {
  let admitted = 0
  for (let i = 0; i < times; i += 1) {
    const call = through.admit()
    if (!call) continue
    admitted += 1
    await call.settle(result)
  }
  return admitted
}

const state = async () => (await metrics.breakerState.get()).values[0]?.value

/** Bounded by the timeout of the test. */
async function untilHalfOpen() {
  const pollMs = 2
  while ((await state()) !== halfOpen) await new Promise(r => setTimeout(r, pollMs))
}

async function becomeHalfOpen() {
  open({ breakerOpenMs: soonMs })
  await callOften('failed', limits.breakerVolumeMin)
  await untilHalfOpen()
}

describe('a closed breaker', () => {
  test('opens when enough calls failed, and lets none through from then on', async () => {
    expect(await callOften('failed', 20)).toBe(limits.breakerVolumeMin)
    expect(breaker.admit()).toBeUndefined()
    expect(await state()).toBe(opened)
    expect(lines).toEqual([{ event: 'breaker.opened', dependency: 'bank' }])
  })

  test('does not judge by too few calls', async () => {
    expect(await callOften('failed', limits.breakerVolumeMin - 1)).toBe(limits.breakerVolumeMin - 1)
    expect(await state()).toBe(closed)
    expect(breaker.admit()).toBeDefined()
  })

  test('stays closed while a bearable share of calls fails', async () => {
    for (let i = 0; i < 20; i += 1) await callOften(i % 3 === 2 ? 'failed' : 'ok', 1)
    expect(await state()).toBe(closed)
  })

  test('does not let neutral ends dilute the rate of failures', async () => {
    await callOften('neutral', 10 * limits.breakerVolumeMin)
    await callOften('failed', limits.breakerVolumeMin)
    expect(await state()).toBe(opened)
  })
})

describe('a half-open breaker', () => {
  beforeEach(becomeHalfOpen)

  test('closes on the first answer', async () => {
    expect(await callOften('ok', 1)).toBe(1)
    expect(await state()).toBe(closed)
    expect(await callOften('ok', 3)).toBe(3)
  })

  test('opens again on the first failure', async () => {
    expect(await callOften('failed', 1)).toBe(1)
    expect(await state()).toBe(opened)
    await untilHalfOpen()
  })

  test('lets one call through at a time', async () => {
    const probe = breaker.admit()
    expect(probe).toBeDefined()
    expect(breaker.admit()).toBeUndefined()
    await probe?.settle('ok')
    expect(breaker.admit()).toBeDefined()
  })

  test('stays half open after a neutral end, and gives the probe to the next call', async () => {
    expect(await callOften('neutral', 3)).toBe(3)
    expect(await state()).toBe(halfOpen)
    expect(await callOften('ok', 1)).toBe(1)
    expect(await state()).toBe(closed)
  })
})

test('an answer to a call from before the breaker opened does not close it', async () => {
  open({ breakerOpenMs: soonMs })
  const before = breaker.admit()
  await callOften('failed', limits.breakerVolumeMin)
  await untilHalfOpen()
  await before?.settle('ok')
  expect(await state()).toBe(halfOpen)
})

test('the naive version lets every call through, however many have failed', async () => {
  expect(await callOften('failed', 100, noBreaker())).toBe(100)
})

/**
 * An error that `errorFilter` lets pass is emitted as a success (opossum 10.0.0, lib/circuit.js,
 * handleError).
 */
test('opossum fired around a call closes on a neutral end, so it is fired after the call', async () => {
  const bare = new CircuitBreakerOfOpossum(async (error: Error) => Promise.reject(error), {
    errorFilter: error => error.message === 'a caller in a hurry',
    volumeThreshold: 1,
    resetTimeout: soonMs,
  })
  await bare.fire(new Error('silence')).catch(() => {})
  expect(bare.opened).toBe(true)
  await once(bare, 'halfOpen')
  await bare.fire(new Error('a caller in a hurry')).catch(() => {})
  expect(bare.closed).toBe(true)
})
