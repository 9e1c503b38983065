import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { backlogMetrics, boundedBacklog } from './bounded-backlog.ts'
import { acceptEverything } from './naive.ts'

const max = 3

/** A queue whose length the test sets, counted as a table would be. */
function queueOf() {
  const queue = { waiting: 0, isAway: false }
  const metrics = backlogMetrics(new Registry())
  const count = async () => {
    if (queue.isAway) throw new Error('the database is away')
    return Math.min(queue.waiting, max)
  }
  const shown = async () => (await metrics.open.get()).values[0]?.value
  return { queue, shown, options: { count, max, metrics } }
}

test('a backlog is full at its bound, not before, and not after it was worked off', async () => {
  const { queue, shown, options } = queueOf()
  const backlog = boundedBacklog(options)
  expect(backlog.isFull()).toBe(false)
  for (const [now, isFull] of [
    [2, false],
    [3, true],
    [50, true],
    [2, false],
  ] as const) {
    queue.waiting = now
    await backlog.look()
    expect([now, backlog.isFull()]).toEqual([now, isFull])
    expect(await shown()).toBe(Math.min(now, max))
  }
})

test('a look that fails leaves the last count in force', async () => {
  const { queue, options } = queueOf()
  const backlog = boundedBacklog(options)
  queue.waiting = max
  await backlog.look()
  queue.isAway = true
  await expect(backlog.look()).rejects.toThrow('away')
  expect(backlog.isFull()).toBe(true)
})

test('the naive version counts the same, and is never full', async () => {
  const { queue, shown, options } = queueOf()
  const backlog = acceptEverything(options)
  queue.waiting = 50
  await backlog.look()
  expect(await shown()).toBe(max)
  expect(backlog.isFull()).toBe(false)
})
