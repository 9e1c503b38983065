import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { callOften, openTestBreaker, testLimits } from '../../test/test-breaker.ts'
import { type CircuitBreaker, openedOnlyBy } from './circuit-breaker.ts'
import { noBreaker } from './naive.ts'

const closed = 0
const halfOpen = 0.5
const opened = 1
const { breakerVolumeMin, breakerOpenMs, breakerProbeMs } = testLimits

let breaker: CircuitBreaker
let observed: ReturnType<typeof openTestBreaker>

beforeEach(() => {
  vi.useFakeTimers()
  observed = openTestBreaker()
  breaker = observed.breaker
})
afterEach(() => {
  vi.useRealTimers()
})

async function becomeHalfOpen() {
  await callOften(breaker, 'failed', breakerVolumeMin)
  vi.advanceTimersByTime(breakerOpenMs)
  expect(await observed.state()).toBe(halfOpen)
}

test('a breaker says beforehand whether it would refuse, and counts that nowhere', async () => {
  expect(breaker.isRefusing()).toBe(false)
  await callOften(breaker, 'failed', breakerVolumeMin)
  expect(breaker.isRefusing()).toBe(true)
  vi.advanceTimersByTime(breakerOpenMs)
  expect(breaker.isRefusing(), 'the next call is the probe').toBe(false)
  expect(breaker.isRefusing(), 'asking is no probe').toBe(false)
  const probe = breaker.admit()
  expect(breaker.isRefusing(), 'while the probe is out').toBe(true)
  await probe?.settle('ok')
  expect(breaker.isRefusing()).toBe(false)
  expect(noBreaker().isRefusing()).toBe(false)
})

test('calls whose success proves nothing do not close the breaker, and their failures open it', async () => {
  const searches = openedOnlyBy(breaker)
  for (let i = 0; i < breakerVolumeMin; i += 1) await searches.admit()?.settle('failed')
  expect(searches.admit()).toBeUndefined()
  vi.advanceTimersByTime(breakerOpenMs)
  await searches.admit()?.settle('ok')
  expect(await observed.state()).toBe(halfOpen)
})

describe('a closed breaker', () => {
  test('opens when enough calls failed, and lets none through from then on', async () => {
    expect(await callOften(breaker, 'failed', 20)).toBe(breakerVolumeMin)
    expect(breaker.admit()).toBeUndefined()
    expect(await observed.state()).toBe(opened)
    expect(observed.lines).toEqual([{ event: 'breaker.opened', dependency: 'bank' }])
  })

  test('does not judge by too few calls', async () => {
    const few = breakerVolumeMin - 1
    expect(await callOften(breaker, 'failed', few)).toBe(few)
    expect(await observed.state()).toBe(closed)
    expect(breaker.admit()).toBeDefined()
  })

  test('judges by the calls that have ended, however many are in flight', async () => {
    for (let i = 0; i < 60; i += 1) breaker.admit()
    expect(await callOften(breaker, 'failed', 20)).toBe(breakerVolumeMin)
    expect(await observed.state()).toBe(opened)
  })

  test('stays closed while a bearable share of calls fails', async () => {
    for (let i = 0; i < 20; i += 1) await callOften(breaker, i % 3 === 2 ? 'failed' : 'ok', 1)
    expect(await observed.state()).toBe(closed)
  })

  test('does not let neutral ends dilute the rate of failures', async () => {
    await callOften(breaker, 'neutral', 10 * breakerVolumeMin)
    await callOften(breaker, 'failed', breakerVolumeMin)
    expect(await observed.state()).toBe(opened)
  })
})

describe('a half-open breaker', () => {
  beforeEach(becomeHalfOpen)

  test('closes on the first answer', async () => {
    expect(await callOften(breaker, 'ok', 1)).toBe(1)
    expect(await observed.state()).toBe(closed)
    expect(await callOften(breaker, 'ok', 3)).toBe(3)
  })

  test('opens again on the first failure', async () => {
    expect(await callOften(breaker, 'failed', 1)).toBe(1)
    expect(await observed.state()).toBe(opened)
    vi.advanceTimersByTime(breakerOpenMs)
    expect(await observed.state()).toBe(halfOpen)
  })

  test('lets one call through at a time', async () => {
    const probe = breaker.admit()
    expect(probe).toBeDefined()
    expect(breaker.admit()).toBeUndefined()
    await probe?.settle('ok')
    expect(breaker.admit()).toBeDefined()
  })

  test('stays half open after a neutral end, and gives the probe to the next call', async () => {
    expect(await callOften(breaker, 'neutral', 3)).toBe(3)
    expect(await observed.state()).toBe(halfOpen)
    expect(await callOften(breaker, 'ok', 1)).toBe(1)
    expect(await observed.state()).toBe(closed)
  })

  test('gives up a probe that has not ended in time, and lets the next call through', async () => {
    expect(breaker.admit()).toBeDefined()
    vi.advanceTimersByTime(breakerProbeMs - 1)
    expect(breaker.admit()).toBeUndefined()
    vi.advanceTimersByTime(1)
    expect(await callOften(breaker, 'ok', 1)).toBe(1)
    expect(await observed.state()).toBe(closed)
  })

  test.each(['ok', 'failed', 'neutral'] as const)(
    'does not count a probe that was given up and ends %s at last',
    async result => {
      const givenUp = breaker.admit()
      vi.advanceTimersByTime(breakerProbeMs)
      const probe = breaker.admit()
      await givenUp?.settle(result)
      expect(await observed.state()).toBe(halfOpen)
      expect(breaker.admit()).toBeUndefined()
      await probe?.settle('ok')
      expect(await observed.state()).toBe(closed)
    },
  )
})

describe('calls from before the breaker opened', () => {
  test('do not close it with their answer', async () => {
    const before = breaker.admit()
    await becomeHalfOpen()
    await before?.settle('ok')
    expect(await observed.state()).toBe(halfOpen)
  })

  test('do not open it again with their failure when it has closed meanwhile', async () => {
    const before = Array.from({ length: breakerVolumeMin }, () => breaker.admit())
    await becomeHalfOpen()
    await callOften(breaker, 'ok', 1)
    for (const call of before) await call?.settle('failed')
    expect(await observed.state()).toBe(closed)
  })
})

test('trips, refusals and probes are counted, and begin at zero', async () => {
  const none = { ok: 0, failed: 0, neutral: 0, hung: 0 }
  expect([await observed.trips(), await observed.refused()]).toEqual([0, 0])
  expect(await observed.probes()).toEqual(none)

  await callOften(breaker, 'failed', breakerVolumeMin)
  await callOften(breaker, 'failed', 7)
  expect([await observed.trips(), await observed.refused()]).toEqual([1, 7])
  expect(await observed.probes()).toEqual(none)

  vi.advanceTimersByTime(breakerOpenMs)
  await callOften(breaker, 'failed', 1)
  vi.advanceTimersByTime(breakerOpenMs)
  await callOften(breaker, 'neutral', 2)
  breaker.admit()
  expect(breaker.admit()).toBeUndefined()
  vi.advanceTimersByTime(breakerProbeMs)
  await callOften(breaker, 'ok', 1)
  expect([await observed.trips(), await observed.refused()]).toEqual([2, 8])
  expect(await observed.probes()).toEqual({ ok: 1, failed: 1, neutral: 2, hung: 1 })
})

test('the naive version lets every call through, however many have failed', async () => {
  expect(await callOften(noBreaker(), 'failed', 100)).toBe(100)
})
