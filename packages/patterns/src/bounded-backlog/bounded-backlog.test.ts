import { expect, test } from 'vitest'
import { watchBacklog } from './bounded-backlog.ts'

test('a backlog is full at its bound, not before, and no longer when it was worked off', async () => {
  let waiting = 0
  const shown: number[] = []
  const gauge = { set: (value: number) => shown.push(value) } as never
  const backlog = watchBacklog(async max => Math.min(waiting, max), 3, gauge)
  expect(backlog.isFull()).toBe(false)
  for (const [now, isFull] of [
    [2, false],
    [3, true],
    [50, true],
    [2, false],
  ] as const) {
    waiting = now
    await backlog.look()
    expect([now, backlog.isFull()]).toEqual([now, isFull])
  }
  expect(shown).toEqual([2, 3, 3, 2])
})

test('a look that failed leaves the last one standing', async () => {
  let isAway = false
  const count = async () => {
    if (isAway) throw new Error('the database is away')
    return 3
  }
  const backlog = watchBacklog(count, 3, { set: () => {} } as never)
  await backlog.look()
  isAway = true
  await expect(backlog.look()).rejects.toThrow('away')
  expect(backlog.isFull()).toBe(true)
})
