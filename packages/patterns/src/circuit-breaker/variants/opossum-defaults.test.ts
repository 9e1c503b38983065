import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { callOften, observeBreaker } from '../../../test/test-breaker.ts'
import type { CircuitBreaker } from '../circuit-breaker.ts'
import { opossumDefaults } from './opossum-defaults.ts'

const closed = 0
const halfOpen = 0.5
const opened = 1
/** The numbers of opossum's README. */
const timeoutMs = 3_000
const openMs = 30_000

let breaker: CircuitBreaker
let observed: ReturnType<typeof observeBreaker>

beforeEach(() => {
  vi.useFakeTimers()
  observed = observeBreaker()
  breaker = opossumDefaults('bank', observed.log, observed.metrics)
})
afterEach(() => {
  vi.useRealTimers()
})

async function becomeHalfOpen() {
  await callOften(breaker, 'failed', 1)
  vi.advanceTimersByTime(openMs)
  expect(await observed.state()).toBe(halfOpen)
}

test('one failed call opens it, and it refuses everything for 30 s', async () => {
  expect(await callOften(breaker, 'failed', 20)).toBe(1)
  vi.advanceTimersByTime(openMs - 1)
  expect(await callOften(breaker, 'ok', 20)).toBe(0)
  expect([await observed.trips(), await observed.refused()]).toEqual([1, 39])
  vi.advanceTimersByTime(1)
  expect(await callOften(breaker, 'ok', 20)).toBe(20)
  expect(observed.lines.map(({ event }) => event)).toEqual([
    'breaker.opened',
    'breaker.half_opened',
    'breaker.closed',
  ])
})

test('calls in flight count as calls that have not failed, so it opens late under load', async () => {
  const inFlight = Array.from({ length: 60 }, () => breaker.admit())
  for (const call of inFlight.slice(0, 30)) await call?.settle('failed')
  expect(await observed.state()).toBe(closed)
  await inFlight[30]?.settle('failed')
  expect(await observed.state()).toBe(opened)
})

test('a neutral end closes it on a dependency that is still down', async () => {
  await becomeHalfOpen()
  await callOften(breaker, 'neutral', 1)
  expect(await observed.state()).toBe(closed)
})

test('neutral ends dilute the rate of failures, so that a dead dependency does not open it', async () => {
  await callOften(breaker, 'neutral', 20)
  expect(await callOften(breaker, 'failed', 20)).toBe(20)
  expect(await observed.state()).toBe(closed)
})

test('a probe that hangs keeps it half open until the timeout, and then open for 30 s', async () => {
  await becomeHalfOpen()
  const probe = breaker.admit()
  await vi.advanceTimersByTimeAsync(timeoutMs - 1)
  expect(await observed.state()).toBe(halfOpen)
  expect(breaker.admit()).toBeUndefined()
  await vi.advanceTimersByTimeAsync(1)
  expect(await observed.state()).toBe(opened)
  await probe?.settle('ok')
  expect(await callOften(breaker, 'ok', 20)).toBe(0)
})
