import { expect, test } from 'vitest'
import { seededNumbers } from '../../test/seeded-numbers.ts'
import { limitLocally } from './local-limit.ts'
import type { Ask, Limit } from './types.ts'

const limit: Limit = { name: 'test', bucket: 'test', count: 10, windowMs: 1_000, burst: 4 }
const one: Ask = { limit, needs: 1, cost: 1 }
const bucketsMax = 100

function openLab() {
  let nowMs = 0
  const takeUnits = limitLocally(bucketsMax, () => nowMs)
  return {
    takeUnits,
    pass: (ms: number) => {
      nowMs += ms
    },
    async countAllowed(asks: number, principal = 'a'): Promise<number> {
      let allowed = 0
      for (let i = 0; i < asks; i += 1) {
        if ((await takeUnits(principal, [one])).isAllowed) allowed += 1
      }
      return allowed
    },
  }
}

test('a pause gives back what may come at once, and not more', async () => {
  const { countAllowed, pass } = openLab()
  expect(await countAllowed(20)).toBe(4)
  pass(100)
  expect(await countAllowed(20)).toBe(1)
  pass(60_000)
  expect(await countAllowed(20)).toBe(4)
})

test('a refused request costs nothing, and is allowed after the time that it is told', async () => {
  const { takeUnits, countAllowed, pass } = openLab()
  await countAllowed(4)
  const refused = await takeUnits('a', [one])
  expect(refused).toMatchObject({ isAllowed: false, states: [{ remaining: 0, retryAfterMs: 100 }] })
  await countAllowed(50)
  pass(99)
  expect(await countAllowed(1)).toBe(0)
  pass(1)
  expect(await countAllowed(1)).toBe(1)
})

test('each principal has buckets of its own', async () => {
  const { countAllowed } = openLab()
  expect(await countAllowed(20, 'a')).toBe(4)
  expect(await countAllowed(20, 'b')).toBe(4)
})

test('nothing is taken from any limit when one of them refuses', async () => {
  const { takeUnits } = openLab()
  const other: Limit = { ...limit, bucket: 'other', burst: 1 }
  const both = [one, { limit: other, needs: 1, cost: 1 }]
  expect((await takeUnits('a', both)).isAllowed).toBe(true)
  const { isAllowed, states } = await takeUnits('a', both)
  expect(isAllowed).toBe(false)
  expect(states).toMatchObject([
    { remaining: 3, retryAfterMs: 0 },
    { remaining: 0, retryAfterMs: 100 },
  ])
})

test('more than ever fits at once is a mistake of ours, and not a refusal for ever', async () => {
  const { takeUnits } = openLab()
  await expect(takeUnits('a', [{ limit, needs: 5, cost: 5 }])).rejects.toThrow(RangeError)
})

test('more principals than it remembers do not make it grow, and the quiet ones are forgotten', async () => {
  const { countAllowed } = openLab()
  await countAllowed(4, 'quiet')
  await countAllowed(4, 'busy')
  for (let i = 0; i < bucketsMax - 1; i += 1) {
    await countAllowed(1, String(i))
    expect(await countAllowed(1, 'busy')).toBe(0)
  }
  expect(await countAllowed(1, 'quiet')).toBe(1)
})

/** The same rule in other words: a bucket of tokens that fills up, counted in microseconds. */
function tokens({ count, windowMs, burst }: Limit) {
  const interval = (windowMs * 1_000) / count
  const full = burst * interval
  let saved = full
  let at = 0
  return (nowMicros: number, { needs, cost }: Ask): boolean => {
    saved = Math.min(full, saved + nowMicros - at)
    at = nowMicros
    if (needs > 0 && saved < needs * interval) return false
    saved = Math.min(full, Math.max(-full, saved - cost * interval))
    return true
  }
}

test.each([1, 2, 3, 4, 5])('decides as a bucket of tokens does (seed %i)', async seed => {
  const random = seededNumbers(seed)
  const { takeUnits, pass } = openLab()
  const model = tokens(limit)
  let nowMs = 0
  for (let i = 0; i < 2_000; i += 1) {
    const ms = random.pick([0, 0, 1, 33, 100, 250])
    pass(ms)
    nowMs += ms
    const needs = random.below(4)
    const ask = { limit, needs, cost: random.pick([needs, 0, -1, 3]) }
    const { isAllowed } = await takeUnits('a', [ask])
    expect(isAllowed).toBe(model(nowMs * 1_000, ask))
  }
})
