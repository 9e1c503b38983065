/**
 * Fault:    one tenant sends more than its share, at the edge of a window or by trying stolen cards
 * Without:  load-tests/results/burst-at-the-edge.json (begun in a second); the code is `naive.ts`.
 * With:     any window has the same bound, over all instances; without Redis each process limits alone.
 * Switch:   PATTERN_RATE_LIMIT=naive
 */
import type { Redis } from '@nightshift/runtime/redis/redis'
import { assertTakable, bucketOf, microsPerMs } from './bucket.ts'
import { rememberRefusals } from './remember-refusals.ts'
import type { Ask, TakeUnits } from './types.ts'

/**
 * GCRA: a bucket is one number, the time at which it will be empty. A unit moves that time
 * on by the interval between two units. All times are whole microseconds of Redis' own clock, so that
 * the clocks of the instances do not matter.
 *
 * KEYS are buckets, and ARGV has four numbers for each: interval, capacity, needs, cost. First all of
 * them are judged, and only then is anything written. The answer is 1 or 0, and for each bucket what
 * remains, the wait if it refuses, and the time until it is empty.
 *
 * - Every key has an expiry: at that time the bucket is empty, which is what no key means.
 * - What is charged afterwards (`needs` of 0) may go beyond the capacity, or a flood that is charged
 *   too late would be forgiven. No level is above twice the capacity: a clock that was set back would
 *   lock a tenant out otherwise.
 */
export const script = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local allowed = 1
local buckets = {}
for i, key in ipairs(KEYS) do
  local at = 4 * i - 3
  local interval, capacity = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local emptyAt = tonumber(redis.call('GET', key) or now)
  local level = math.min(math.max(emptyAt - now, 0), 2 * capacity)
  local needs, wait = tonumber(ARGV[at + 2]), 0
  if needs > 0 then wait = math.max(level + needs * interval - capacity, 0) end
  if wait > 0 then allowed = 0 end
  buckets[i] = { level, wait, interval, capacity, tonumber(ARGV[at + 3]) }
end
local answer = { allowed }
for i, key in ipairs(KEYS) do
  local level, wait, interval, capacity, cost = unpack(buckets[i])
  if allowed == 1 and cost ~= 0 then
    level = math.min(math.max(level + cost * interval, 0), 2 * capacity)
    if level == 0 then
      redis.call('DEL', key)
    else
      redis.call('SET', key, now + level, 'PX', math.ceil(level / 1000))
    end
  end
  answer[#answer + 1] = math.max(0, math.floor((capacity - level) / interval))
  answer[#answer + 1] = wait
  answer[#answer + 1] = level
end
return answer
`

type Scripted = Redis & {
  takeUnits: (keyCount: number, ...keysAndNumbers: (string | number)[]) => Promise<number[]>
}

/** The bucket of a principal. The braces put all buckets of one principal on one node of a cluster. */
export function keyOf(principal: string, { limit }: Ask): string {
  return `limit:{${principal}}:${limit.bucket}`
}

/**
 * Takes units by the script, in one round trip. It throws when Redis is away: `or-locally.ts` decides
 * what happens then.
 */
export function gcraInRedis(redis: Redis): TakeUnits {
  // EVALSHA; after a restart of Redis the client sends the text again.
  redis.defineCommand('takeUnits', { lua: script })
  const scripted = redis as Scripted
  return async (principal, asks) => {
    asks.forEach(assertTakable)
    const keys = asks.map(ask => keyOf(principal, ask))
    const numbers = asks.flatMap(({ limit, needs, cost }) => {
      const { intervalMicros, capacityMicros } = bucketOf(limit)
      return [intervalMicros, capacityMicros, needs, cost]
    })
    const [isAllowed, ...rest] = await scripted.takeUnits(keys.length, ...keys, ...numbers)
    const states = asks.map((_, at) => {
      const [remaining = 0, waitMicros = 0, levelMicros = 0] = rest.slice(3 * at, 3 * at + 3)
      return {
        remaining,
        retryAfterMs: waitMicros / microsPerMs,
        resetMs: levelMicros / microsPerMs,
      }
    })
    return { isAllowed: isAllowed === 1, states }
  }
}

/**
 * Takes units by the script, and refuses from memory whom the script has told to wait. Like the script, it
 * throws when Redis is away. The naive version has no such memory: its counter knows no true wait.
 * @param rememberedMax principals in memory
 */
export function limitInRedis(redis: Redis, rememberedMax: number): TakeUnits {
  return rememberRefusals(gcraInRedis(redis), rememberedMax)
}
