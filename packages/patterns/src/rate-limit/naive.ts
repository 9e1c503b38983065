import type { Redis } from '@nightshift/runtime/redis/redis'
import type { Ask, LimitState, TakeUnits } from './types.ts'

const msPerSecond = 1_000

/**
 * What most teams ship first: a counter that expires with its window. At the edge of a window it lets
 * twice the limit through. And a process that dies between the two commands leaves a counter that
 * never expires: that tenant is locked out for good.
 */
export function fixedWindows(redis: Redis): TakeUnits {
  return async (principal, asks) => {
    const states = await Promise.all(asks.map(ask => count(redis, principal, ask)))
    return { isAllowed: states.every(({ retryAfterMs }) => retryAfterMs === 0), states }
  }
}

/** A window gives nothing back: it forgets everything when it ends. */
async function count(
  redis: Redis,
  principal: string,
  { limit, needs, cost }: Ask,
): Promise<LimitState> {
  const key = `window:${principal}:${limit.bucket}`
  let used: number
  if (cost > 0) {
    used = await redis.incrby(key, cost)
    if (used === cost) await redis.expire(key, Math.ceil(limit.windowMs / msPerSecond))
  } else {
    used = Number((await redis.get(key)) ?? 0) + needs
  }
  const isRefused = needs > 0 && used > limit.count
  return {
    remaining: Math.max(0, limit.count - used),
    retryAfterMs: isRefused ? limit.windowMs : 0,
    resetMs: limit.windowMs,
  }
}
