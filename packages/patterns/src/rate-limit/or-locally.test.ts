import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { rateLimitMetrics } from './metrics.ts'
import { orLocally } from './or-locally.ts'
import type { Limit, TakeUnits } from './types.ts'

const numbers = { coolOffMs: 1_000, bucketsMax: 100 }
const limit: Limit = { name: 'test', bucket: 'test', count: 10, windowMs: 1_000, burst: 4 }
const ask = [{ limit, needs: 1, cost: 1 }]
const allowed = { isAllowed: true, states: [{ remaining: 9, retryAfterMs: 0, resetMs: 1 }] }

/** A remote limiter that answers what the test tells it to, and counts how often it was asked. */
function openLab(answer: TakeUnits) {
  let nowMs = 0
  let asked = 0
  let remote = answer
  const metrics = rateLimitMetrics(new Registry())
  const takeUnits = orLocally(
    (principal, asks) => {
      asked += 1
      return remote(principal, asks)
    },
    numbers,
    metrics,
    () => nowMs,
  )
  return {
    take: async () => (await takeUnits('a', ask)).isAllowed,
    asked: () => asked,
    local: async () => (await metrics.local.get()).values[0]?.value ?? 0,
    becomes: (next: TakeUnits) => {
      remote = next
    },
    pass: (ms: number) => {
      nowMs += ms
    },
  }
}

const fails: TakeUnits = () => Promise.reject(new Error('away'))
const answers: TakeUnits = () => Promise.resolve(allowed)

test('while the remote limiter is away, the process limits by itself and counts that', async () => {
  const { take, local } = openLab(fails)
  const taken = []
  for (let i = 0; i < 10; i += 1) taken.push(await take())
  expect(taken.filter(Boolean)).toHaveLength(limit.burst)
  expect(await local()).toBe(10)
})

test('after a failure it is left alone for a while, and then one request asks', async () => {
  const { take, asked, pass } = openLab(fails)
  for (let i = 0; i < 10; i += 1) await take()
  expect(asked()).toBe(1)
  pass(numbers.coolOffMs)
  await Promise.all(Array.from({ length: 10 }, take))
  expect(asked()).toBe(2)
})

test('a limiter that is back decides again', async () => {
  const { take, becomes, pass, local } = openLab(fails)
  await take()
  becomes(answers)
  pass(numbers.coolOffMs)
  for (let i = 0; i < 10; i += 1) expect(await take()).toBe(true)
  expect(await local()).toBe(1)
})

test('a mistake of ours in what is asked is no failure of the limiter', async () => {
  const { take, local } = openLab(() => Promise.reject(new RangeError('too many')))
  await expect(take()).rejects.toThrow('too many')
  expect(await local()).toBe(0)
})
