import { randomUUID } from 'node:crypto'
import { waitUntil } from '@nightshift/local/wait-until'
import { openRedis, type Redis } from '@nightshift/runtime/redis/redis'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { limitLocally } from '../src/rate-limit/local-limit.ts'
import { rateLimitMetrics } from '../src/rate-limit/metrics.ts'
import { fixedWindows } from '../src/rate-limit/naive.ts'
import { orLocally } from '../src/rate-limit/or-locally.ts'
import { gcraInRedis, keyOf, limitInRedis, script } from '../src/rate-limit/rate-limit.ts'
import type { Ask, Limit, TakeUnits } from '../src/rate-limit/types.ts'
import { openOwnRedis } from './own-redis.ts'
import { seededNumbers } from './seeded-numbers.ts'

const patientMs = { connectMs: 2_000, commandMs: 2_000 }
const log = openLog('test')
log.setLevel('silent')
let redis: Redis
let another: Redis

beforeAll(async () => {
  redis = await connect(inject('parts').redisUrl)
  another = await connect(inject('parts').redisUrl)
})
afterAll(() => {
  redis.disconnect()
  another.disconnect()
})

async function connect(url: string, limits = patientMs): Promise<Redis> {
  const client = openRedis(url, limits, log)
  await vi.waitFor(() => client.ping(), { timeout: 5_000, interval: 20 })
  return client
}

/** Refills so slowly that the time a test takes does not matter. */
const slow: Limit = { name: 'test', bucket: 'test', count: 10, windowMs: 3_600_000, burst: 5 }
const askFor = (limit: Limit): Ask => ({ limit, needs: 1, cost: 1 })

async function countAllowed(takers: readonly TakeUnits[], principal: string, asks: readonly Ask[]) {
  const verdicts = await Promise.all(takers.map(take => take(principal, asks)))
  return verdicts.filter(({ isAllowed }) => isAllowed).length
}

const times = <T>(count: number, each: T): T[] => Array<T>(count).fill(each)

describe('the script', () => {
  test('admits no more than the limit over two instances that ask at the same moment', async () => {
    const takers = [...times(50, gcraInRedis(redis)), ...times(50, gcraInRedis(another))]
    expect(await countAllowed(takers, randomUUID(), [askFor(slow)])).toBe(slow.burst)
  })

  test('gives every key an expiry, at the time at which its bucket is empty', async () => {
    const take = gcraInRedis(redis)
    const tenant = randomUUID()
    const asks = [askFor(slow), { limit: { ...slow, bucket: 'other' }, needs: 0, cost: 2 }]
    const { states } = await take(tenant, asks)
    for (const [at, ask] of asks.entries()) {
      const ttlMs = await redis.pttl(keyOf(tenant, ask))
      const resetMs = states[at]?.resetMs ?? 0
      expect(ttlMs).toBeGreaterThan(resetMs - 5_000)
      expect(ttlMs).toBeLessThanOrEqual(resetMs + 1)
    }
    await take(tenant, [{ limit: slow, needs: 0, cost: -1 }])
    expect(await redis.exists(keyOf(tenant, askFor(slow))), 'an empty bucket is no key').toBe(0)
  })

  test('is sent again to a Redis that has forgotten it', async () => {
    const take = gcraInRedis(redis)
    const tenant = randomUUID()
    await take(tenant, [askFor(slow)])
    await another.script('FLUSH')
    expect(await countAllowed(times(10, take), tenant, [askFor(slow)])).toBe(slow.burst - 1)
  })

  test.each([1, 2, 3])('decides as the process does, on one clock (seed %i)', async seed => {
    const random = seededNumbers(seed)
    const limits: Limit[] = [
      { name: 'fast', bucket: 'fast', count: 7, windowMs: 1_000, burst: 3 },
      { name: 'slow', bucket: 'slow', count: 50, windowMs: 3_600_000, burst: 5 },
    ]
    const clock = openClock()
    const local = limitLocally(100, clock.nowMs)
    const tenant = randomUUID()
    for (let i = 0; i < 500; i += 1) {
      clock.pass(random.pick([0, 1, 33, 142, 143, 1_000, 72_000]))
      const asks = limits.map(limit => {
        const needs = random.below(3)
        return { limit, needs, cost: random.pick([needs, 0, -1, 4]) }
      })
      expect(await clock.take(tenant, asks)).toEqual(await local(tenant, asks))
    }
  })

  test('locks no tenant out for a day when the clock of Redis is set back by one', async () => {
    const clock = openClock()
    const tenant = randomUUID()
    for (let i = 0; i < slow.burst; i += 1) await clock.take(tenant, [askFor(slow)])
    clock.pass(-24 * 3_600_000)
    const { isAllowed, states } = await clock.take(tenant, [askFor(slow)])
    expect(isAllowed).toBe(false)
    // The bucket counts as the fullest that it can be: its capacity, and as much again of debt.
    const unitMs = slow.windowMs / slow.count
    expect(states[0]?.retryAfterMs).toBe((slow.burst + 1) * unitMs)
  })
})

/** The same script on a clock that the test moves. Keys expire late: Redis does that on its own clock. */
function openClock() {
  let nowMs = 10_000_000_000
  const moved = script
    .replace("redis.call('TIME')", '{ ARGV[#ARGV - 1], ARGV[#ARGV] }')
    .replace("'PX'", "'EX'")
  const name = `onClock${randomUUID().replaceAll('-', '')}`
  // The client calls a script by the name that it was given.
  const client: Redis & { [command: string]: unknown } = Object.create(redis)
  Object.defineProperty(client, 'defineCommand', {
    value: () => redis.defineCommand(name, { lua: moved }),
  })
  Object.defineProperty(client, 'takeUnits', {
    value: (...args: unknown[]) => {
      const call = (redis as unknown as Record<string, (...all: unknown[]) => Promise<number[]>>)[
        name
      ]
      return call?.call(redis, ...args, Math.floor(nowMs / 1_000), (nowMs % 1_000) * 1_000)
    },
  })
  return {
    take: gcraInRedis(client),
    nowMs: () => nowMs,
    pass: (ms: number) => {
      nowMs += ms
    },
  }
}

describe('at the edge of a window', () => {
  const limit: Limit = { name: 'test', bucket: 'test', count: 40, windowMs: 2_000, burst: 10 }

  /** Opens a window, fills it shortly before its end, and fills the next one shortly after it. */
  async function admittedAroundTheEdge(take: TakeUnits): Promise<number> {
    const tenant = randomUUID()
    const ask = [askFor(limit)]
    await take(tenant, ask)
    const openedAt = performance.now()
    const since = () => performance.now() - openedAt
    await waitUntil(() => since() > 0.75 * limit.windowMs, 4_000, 5)
    const before = await countAllowed(times(100, take), tenant, ask)
    await waitUntil(() => since() > limit.windowMs + 10, 4_000, 5)
    const after = await countAllowed(times(100, take), tenant, ask)
    return before + after
  }

  test('the naive version admits nearly twice the limit around an edge', async () => {
    const admitted = await admittedAroundTheEdge(fixedWindows(redis))
    expect(admitted).toBeGreaterThan(1.9 * limit.count)
  })

  test('the pattern admits the limit and what may come at once, and no more', async () => {
    const admitted = await admittedAroundTheEdge(limitInRedis(redis, 10))
    expect(admitted).toBeLessThanOrEqual(limit.count + limit.burst)
  })
})

test('a counter of the naive version whose process died in between locks its tenant out for good', async () => {
  const tenant = randomUUID()
  // The state after INCRBY, without the EXPIRE that was to follow.
  await redis.incrby(`window:${tenant}:${slow.bucket}`, 1)
  const take = fixedWindows(redis)
  await countAllowed(times(slow.count, take), tenant, [askFor(slow)])
  expect((await take(tenant, [askFor(slow)])).isAllowed).toBe(false)
  expect(await redis.ttl(`window:${tenant}:${slow.bucket}`)).toBe(-1)
})

describe('a Redis that', () => {
  const shortMs = { connectMs: 200, commandMs: 100 }
  const numbers = { coolOffMs: 300, bucketsMax: 100 }
  /** What a busy machine may add to a wait. */
  const slackMs = 900

  async function openLimiter(url: string) {
    const client = await connect(url, shortMs)
    const metrics = rateLimitMetrics(new Registry())
    const inRedis = gcraInRedis(client)
    let askedRedis = 0
    const take = orLocally(
      (principal, asks) => {
        askedRedis += 1
        return inRedis(principal, asks)
      },
      numbers,
      metrics,
    )
    return {
      inRedis,
      askedRedis: () => askedRedis,
      local: async () => (await metrics.local.get()).values[0]?.value ?? 0,
      /** Answers whether a request of this tenant was admitted, and how long it waited. */
      ask: async (tenant: string) => {
        const askedAt = performance.now()
        const { isAllowed } = await take(tenant, [askFor(slow)])
        return { isAllowed, waitedMs: performance.now() - askedAt }
      },
      [Symbol.dispose]: () => client.disconnect(),
    }
  }

  test('is killed under load fails no request, and each process limits by itself', async () => {
    await using server = await openOwnRedis(inject('parts'))
    using limiter = await openLimiter(server.url)
    const asked: ReturnType<typeof limiter.ask>[] = []
    const tenant = randomUUID()
    const load = setInterval(() => asked.push(limiter.ask(tenant)), 2)
    try {
      await waitUntil(() => asked.length > 50, 5_000, 5)
      const before = await limiter.local()
      await server.signal('SIGKILL')
      const isLocal = async () => (await limiter.local()) > before + 50
      expect(await waitUntil(isLocal, 5_000, 5)).toBe(true)
      // It is back with empty buckets, and decides again.
      const isBack = async () => {
        const before = await limiter.local()
        const { isAllowed } = await limiter.ask(randomUUID())
        return isAllowed && (await limiter.local()) === before
      }
      expect(await waitUntil(isBack, 20_000, 100)).toBe(true)
    } finally {
      clearInterval(load)
    }
    const answers = await Promise.all(asked)
    const admitted = answers.filter(({ isAllowed }) => isAllowed).length
    // Once by Redis, once by the process, and once by the new Redis.
    expect(admitted).toBeGreaterThanOrEqual(2 * slow.burst)
    expect(admitted).toBeLessThanOrEqual(3 * slow.burst)
  })

  test('is frozen makes no request wait longer than one command may take, and charges once', async () => {
    await using server = await openOwnRedis(inject('parts'))
    using limiter = await openLimiter(server.url)
    await limiter.ask(randomUUID())
    await server.signal('SIGSTOP')
    const askedBefore = limiter.askedRedis()
    const tenants = Array.from({ length: 100 }, () => randomUUID())
    const answers = []
    for (let from = 0; from < tenants.length; from += 20) {
      const round = tenants.slice(from, from + 20)
      answers.push(...(await Promise.all(round.map(limiter.ask))))
    }
    const longestMs = Math.max(...answers.map(({ waitedMs }) => waitedMs))
    expect(longestMs).toBeLessThan(shortMs.commandMs + slackMs)
    const asked = limiter.askedRedis() - askedBefore
    expect(asked, 'the first round has asked Redis, and later ones hardly').toBeLessThan(30)
    await server.signal('SIGCONT')
    const isBack = async () => {
      const before = await limiter.local()
      await limiter.ask(randomUUID())
      return (await limiter.local()) === before
    }
    expect(await waitUntil(isBack, 10_000, 100)).toBe(true)
    // Its answer came too late. It was not sent again.
    const [first = ''] = tenants
    const left = await countAllowed(times(10, limiter.inRedis), first, [askFor(slow)])
    expect(left, 'the check that was given up has cost one unit').toBe(slow.burst - 1)
  })
})
