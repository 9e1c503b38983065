import Opossum from 'opossum'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { callOften, openTestBreaker, testLimits } from '../../test/test-breaker.ts'

/**
 * What opossum 10.0.0 does with its states, its window and its clocks. Each test shows one hazard on a
 * bare opossum, and then that our breaker does not have it. The other half is in
 * opossum-hazards.test.ts.
 */

const closed = 0
const halfOpen = 0.5
const opened = 1
const { breakerVolumeMin, breakerOpenMs, breakerProbeMs } = testLimits
const minuteMs = 60_000
const hourMs = 3_600_000

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Fired with the end of the call: an error fails, anything else is the answer. */
async function endLike(end: unknown) {
  if (end instanceof Error) throw end
  return end
}

/** The types of opossum are those of version 8: some options of version 10 are not in them. */
function bareOpossum(options: object, action: (end: unknown) => Promise<unknown> = endLike) {
  const bare = new Opossum(action, options as Opossum.Options<[unknown]>)
  return {
    bare,
    /** The answer, or the code or message of the error. */
    fire: (end: unknown) =>
      bare.fire(end).catch((error: Error & { code?: string }) => error.code ?? error.message),
  }
}

const down = new Error('down')

async function openedThenHalfOpen() {
  const observed = openTestBreaker()
  await callOften(observed.breaker, 'failed', breakerVolumeMin)
  vi.advanceTimersByTime(breakerOpenMs)
  expect(await observed.state()).toBe(halfOpen)
  return observed
}

test('i: an open state that is exported and imported is half open at once', async () => {
  const options = { resetTimeout: minuteMs }
  const { bare, fire } = bareOpossum(options)
  vi.advanceTimersByTime(2 * minuteMs)
  await fire(down)
  expect(bare.opened).toBe(true)
  const imported = bareOpossum({ ...options, state: bare.toJSON().state })
  expect(imported.bare.halfOpen).toBe(true)

  // Ours takes no state from elsewhere, and its pause begins when it opens, however old it is.
  const { breaker, state } = openTestBreaker()
  vi.advanceTimersByTime(2 * breakerOpenMs)
  await callOften(breaker, 'failed', breakerVolumeMin)
  vi.advanceTimersByTime(breakerOpenMs - 1)
  expect(await state()).toBe(opened)
  vi.advanceTimersByTime(1)
  expect(await state()).toBe(halfOpen)
})

test('j: refused calls stay in the window, and hide the next 497 failures', async () => {
  const windowMs = 2 * minuteMs
  const { bare, fire } = bareOpossum({
    volumeThreshold: breakerVolumeMin,
    resetTimeout: minuteMs,
    rollingCountTimeout: windowMs,
  })
  for (let i = 0; i < breakerVolumeMin + 500; i += 1) await fire(down)
  expect(bare.stats).toMatchObject({ failures: breakerVolumeMin, rejects: 500 })
  vi.advanceTimersByTime(minuteMs)
  await fire('answer')
  let hidden = 0
  for (; bare.closed; hidden += 1) await fire(down)
  expect(hidden).toBe(497)

  // Ours is fired by calls that were made. The failures of the window count again after it has closed.
  const { breaker, state, refused } = openTestBreaker({ breakerWindowMs: windowMs })
  await callOften(breaker, 'failed', breakerVolumeMin + 500)
  expect(await refused()).toBe(500)
  vi.advanceTimersByTime(breakerOpenMs)
  await callOften(breaker, 'ok', 1)
  expect(await state()).toBe(closed)
  expect(await callOften(breaker, 'failed', 497)).toBe(1)

  // When they have left the window, it judges by no fewer calls than before.
  vi.advanceTimersByTime(windowMs)
  await callOften(breaker, 'ok', 1)
  vi.advanceTimersByTime(windowMs)
  expect(await callOften(breaker, 'failed', 497)).toBe(breakerVolumeMin)
})

test('k: without a timeout, one probe that hangs keeps it half open for ever', async () => {
  const { bare, fire } = bareOpossum({ timeout: false, resetTimeout: minuteMs }, async end =>
    end === 'hang' ? new Promise(() => {}) : endLike(end),
  )
  await fire(down)
  vi.advanceTimersByTime(minuteMs)
  void fire('hang')
  vi.advanceTimersByTime(hourMs)
  expect(await fire('answer')).toBe('EOPENBREAKER')
  expect(bare.halfOpen).toBe(true)

  const { breaker, state, probes } = await openedThenHalfOpen()
  expect(breaker.admit()).toBeDefined()
  vi.advanceTimersByTime(breakerProbeMs)
  expect(await callOften(breaker, 'ok', 1)).toBe(1)
  expect(await state()).toBe(closed)
  expect(await probes()).toMatchObject({ hung: 1, ok: 1 })
})

test('l: a health check outlives shutdown, and opens the breaker that was shut down', async () => {
  const checkMs = 5_000
  let isHealthy = true
  const { bare } = bareOpossum({})
  bare.healthCheck(async () => {
    if (!isHealthy) throw down
  }, checkMs)
  bare.shutdown()
  expect(bare.isShutdown).toBe(true)
  isHealthy = false
  await vi.advanceTimersByTimeAsync(checkMs)
  expect([bare.isShutdown, bare.opened]).toEqual([false, true])
  vi.clearAllTimers()

  // Ours makes no check of its own. A call is the probe, and only the timer of the window is left.
  const { state, probes } = await openedThenHalfOpen()
  await vi.advanceTimersByTimeAsync(hourMs)
  expect(await state()).toBe(halfOpen)
  expect(await probes()).toEqual({ ok: 0, failed: 0, neutral: 0, hung: 0 })
  expect(vi.getTimerCount()).toBe(1)
})

test('m: the answer to a call from before it opened closes a half-open breaker', async () => {
  const before = Promise.withResolvers<string>()
  const { bare, fire } = bareOpossum(
    { timeout: false, volumeThreshold: 2, resetTimeout: minuteMs },
    async end => (end === 'slow' ? before.promise : endLike(end)),
  )
  const slow = fire('slow')
  await fire(down)
  await fire(down)
  expect(bare.opened).toBe(true)
  vi.advanceTimersByTime(minuteMs)
  before.resolve('answer')
  await slow
  expect(bare.closed).toBe(true)

  const { breaker, state } = openTestBreaker()
  const ours = breaker.admit()
  await callOften(breaker, 'failed', breakerVolumeMin)
  vi.advanceTimersByTime(breakerOpenMs)
  await ours?.settle('ok')
  expect(await state()).toBe(halfOpen)
})

test('n: each failure sorts the latencies of the whole window, on the event loop', async () => {
  const calls = 1_000
  const sort = vi.spyOn(Array.prototype, 'sort')
  const longestSorted = () =>
    Math.max(0, ...sort.mock.contexts.map(array => (array as unknown[]).length))
  const { fire } = bareOpossum({ enableSnapshots: false })
  for (let i = 0; i < calls; i += 1) await fire('answer')
  expect(longestSorted()).toBe(0)
  await fire(down)
  expect(longestSorted()).toBe(calls + 1)

  sort.mockClear()
  const { breaker, trips } = openTestBreaker()
  await callOften(breaker, 'ok', calls)
  expect(await callOften(breaker, 'failed', 2 * calls)).toBe(calls + 1)
  expect(await trips()).toBe(1)
  // Our metrics sort the names of their labels, which are two.
  expect(longestSorted()).toBeLessThanOrEqual(2)
})

test('o: a step of the clock makes latencies negative and keeps what should have expired', async () => {
  const work = Promise.withResolvers<string>()
  const latencies = bareOpossum({}, () => work.promise)
  const slow = latencies.fire('slow')
  vi.setSystemTime(Date.now() - hourMs)
  work.resolve('answer')
  await slow
  expect(latencies.bare.stats.latencyMean).toBe(-hourMs)

  const cached = bareOpossum({ cache: true, cacheTTL: 1_000, cacheGetKey: () => 'key' })
  await cached.fire('old')
  vi.setSystemTime(Date.now() - hourMs)
  vi.advanceTimersByTime(minuteMs)
  expect(await cached.fire('new')).toBe('old')
})

test.each([-hourMs, hourMs])(
  'o: ours forgets no failure and shortens or lengthens no wait when the clock steps by %i ms',
  async stepMs => {
    const step = () => vi.setSystemTime(Date.now() + stepMs)
    const { breaker, state } = openTestBreaker()
    await callOften(breaker, 'failed', breakerVolumeMin - 1)
    step()
    await callOften(breaker, 'failed', 1)
    expect(await state()).toBe(opened)
    step()
    vi.advanceTimersByTime(breakerOpenMs - 1)
    expect(await state()).toBe(opened)
    vi.advanceTimersByTime(1)
    expect(await state()).toBe(halfOpen)
    expect(breaker.admit()).toBeDefined()
    step()
    vi.advanceTimersByTime(breakerProbeMs - 1)
    expect(breaker.admit()).toBeUndefined()
    vi.advanceTimersByTime(1)
    expect(breaker.admit()).toBeDefined()
  },
)

test('p: an action that returns undefined has worked, and is counted as failed', async () => {
  const { bare, fire } = bareOpossum({}, (() => undefined) as never)
  expect(await fire('order')).toMatch('Cannot read properties of undefined')
  expect(bare.opened).toBe(true)

  // Ours never sees the value of a call. Its caller says how it ended.
  const { breaker, state } = openTestBreaker({ breakerVolumeMin: 1 })
  await breaker.admit()?.settle('ok')
  expect(await state()).toBe(closed)
})
