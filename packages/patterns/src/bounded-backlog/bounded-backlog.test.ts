import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { backlogMetrics, boundedBacklog } from './bounded-backlog.ts'
import { acceptEverything } from './naive.ts'

/** Ten times what is finished in a second may be open. */
const limits = { openMin: 3, openMax: 50, finishMs: 10_000, rateWindowMs: 2_000 }
const { openMin } = limits

/** A queue whose length the test sets, counted as a table would be, and a clock that it sets. */
function queueOf() {
  const of: Record<string, number> = {}
  const queue = { waiting: 0, of, isAway: false, nowMs: 0 }
  const metrics = backlogMetrics(new Registry())
  const count = async (max: number) => {
    if (queue.isAway) throw new Error('the database is away')
    // The largest come first, as in a table that has more than are counted.
    let left = max
    const all = Object.entries(queue.of)
    return new Map(
      [...all, ['loud', queue.waiting] as const].map(([tenant, open]) => {
        const counted = Math.min(open, left)
        left -= counted
        return [tenant, counted]
      }),
    )
  }
  const shown = async (which: 'open' | 'bound') => (await metrics[which].get()).values[0]?.value
  return { queue, shown, options: { count, limits, metrics, nowMs: () => queue.nowMs } }
}

test('a backlog is full at its bound, not before, and not after it was worked off', async () => {
  const { queue, shown, options } = queueOf()
  const backlog = boundedBacklog(options)
  expect(backlog.isFull('other')).toBe(false)
  for (const [now, isFull] of [
    [2, false],
    [3, true],
    [50, true],
    [2, false],
  ] as const) {
    queue.waiting = now
    await backlog.look()
    expect([now, backlog.isFull('other')]).toEqual([now, isFull])
    expect(await shown('open')).toBe(Math.min(now, openMin))
  }
})

test('a tenant alone can fill two thirds, and the next one still finds room', async () => {
  const { queue, options } = queueOf()
  const backlog = boundedBacklog({ ...options, limits: { ...limits, openMin: 45 } })
  for (const [waiting, isFull] of [
    [29, false],
    [30, true],
  ] as const) {
    queue.waiting = waiting
    await backlog.look()
    expect([waiting, backlog.isFull('loud')]).toEqual([waiting, isFull])
    expect(backlog.isFull('other')).toBe(false)
  }
})

test('two loud tenants fill four fifths, and the third one still finds room', async () => {
  const { queue, options } = queueOf()
  const backlog = boundedBacklog({ ...options, limits: { ...limits, openMin: 50 } })
  queue.of['eager'] = 20
  queue.waiting = 20
  await backlog.look()
  expect(['loud', 'eager', 'other'].map(backlog.isFull)).toEqual([true, true, false])
})

test('what one tenant leaves open between two looks takes no room from the next one', async () => {
  const { queue, options } = queueOf()
  const backlog = boundedBacklog({ ...options, limits: { ...limits, openMin: 45 } })
  await backlog.look()
  for (let sent = 0; sent < 45; sent += 1) {
    if (!backlog.isFull('loud')) backlog.noteLeftOpen('loud')
  }
  expect(backlog.isFull('loud')).toBe(true)
  expect(backlog.isFull('other')).toBe(false)

  // The look counts them in the table, and not twice.
  queue.waiting = 29
  queue.nowMs = 250
  await backlog.look()
  expect(backlog.isFull('loud')).toBe(false)
})

test('what is left open while a look counts is not forgotten by it', async () => {
  const { queue, options } = queueOf()
  let countNow = () => {}
  const backlog = boundedBacklog({
    ...options,
    count: () => new Promise(resolve => (countNow = () => resolve(new Map()))),
  })
  const look = backlog.look()
  for (let sent = 0; sent < openMin; sent += 1) backlog.noteLeftOpen('loud')
  queue.nowMs = 10
  countNow()
  await look
  expect(backlog.isFull('other')).toBe(true)
})

test('a look that fails leaves the last count in force', async () => {
  const { queue, options } = queueOf()
  const backlog = boundedBacklog(options)
  queue.waiting = openMin
  await backlog.look()
  queue.isAway = true
  await expect(backlog.look()).rejects.toThrow('away')
  expect(backlog.isFull('other')).toBe(true)
})

test('as much may be open as the job has shown that it finishes in time', async () => {
  const { queue, shown, options } = queueOf()
  const backlog = boundedBacklog(options)
  queue.waiting = 50
  for (const [finished, laterMs, bound] of [
    [0, 0, 3],
    [2, 100, 10],
    [2, 100, 20],
    [100, 100, 50],
    [0, 1_700, 50],
    [0, 200, 3],
  ] as const) {
    for (let i = 0; i < finished; i += 1) backlog.noteFinished()
    queue.nowMs += laterMs
    await backlog.look()
    expect([finished, laterMs, await shown('bound')]).toEqual([finished, laterMs, bound])
    expect(backlog.isFull('other')).toBe(true)
  }
})

test('a look that fails does not put a new bound beside an old count', async () => {
  const { queue, options } = queueOf()
  const backlog = boundedBacklog(options)
  queue.waiting = 50
  await backlog.look()
  queue.isAway = true
  backlog.noteFinished()
  backlog.noteFinished()
  await expect(backlog.look()).rejects.toThrow('away')
  expect(backlog.isFull('other')).toBe(true)
})

test('the naive version counts the same, and is never full', async () => {
  const { queue, shown, options } = queueOf()
  const backlog = acceptEverything(options)
  queue.waiting = 50
  await backlog.look()
  expect(await shown('open')).toBe(openMin)
  expect(backlog.isFull('other')).toBe(false)
})
