import { expect, test } from 'vitest'
import { limitLocally } from './local-limit.ts'
import { rememberRefusals } from './remember-refusals.ts'
import type { Ask, Limit } from './types.ts'

const slow: Limit = { name: 'slow', bucket: 'slow', count: 1, windowMs: 400, burst: 1 }
const hourly: Limit = { name: 'hourly', bucket: 'hourly', count: 1, windowMs: 3_600_000, burst: 1 }

/** A limiter with its own clock, that is asked through the memory, and counts the questions. */
function openLab(limit: Limit) {
  let nowMs = 0
  let asked = 0
  const limiter = limitLocally(100, () => nowMs)
  const take = rememberRefusals(
    (principal, asks) => {
      asked += 1
      return limiter(principal, asks)
    },
    2,
    () => nowMs,
  )
  const askWith = (numbers: Pick<Ask, 'needs' | 'cost'>) => [{ limit, ...numbers }]
  return {
    take: (principal = 'a') => take(principal, askWith({ needs: 1, cost: 1 })),
    count: (units: number) => take('a', askWith({ needs: 0, cost: units })),
    pass: (ms: number) => {
      nowMs += ms
    },
    asked: () => asked,
  }
}

test('a principal that was told to wait is refused without a question, and no longer than that', async () => {
  const { take, pass, asked } = openLab(slow)
  const [first, second] = [await take(), await take()]
  expect([first.isAllowed, second.isAllowed, second.states[0]?.retryAfterMs]).toEqual([
    true,
    false,
    400,
  ])
  pass(399)
  for (let more = 0; more < 5; more += 1) {
    const { isAllowed, states } = await take()
    expect([isAllowed, states[0]?.retryAfterMs]).toEqual([false, 1])
  }
  expect(asked()).toBe(2)
  pass(1)
  expect((await take()).isAllowed).toBe(true)
})

test('another principal is asked for', async () => {
  const { take } = openLab(slow)
  await take()
  expect((await take()).isAllowed).toBe(false)
  expect((await take('b')).isAllowed).toBe(true)
})

test('what was given back is seen after a second, however long the wait was', async () => {
  const { take, count, pass } = openLab(hourly)
  await take()
  expect((await take()).isAllowed).toBe(false)
  await count(-1)
  pass(1_000)
  expect((await take()).isAllowed).toBe(true)
})

test('of too many principals the oldest is forgotten, which costs a question', async () => {
  const { take, asked } = openLab(slow)
  for (const principal of ['a', 'b', 'c']) {
    await take(principal)
    await take(principal)
  }
  const before = asked()
  await take('c')
  expect(asked()).toBe(before)
  expect((await take('a')).isAllowed).toBe(false)
  expect(asked()).toBe(before + 1)
})
