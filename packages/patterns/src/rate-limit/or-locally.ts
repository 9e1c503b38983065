import { limitLocally } from './local-limit.ts'
import type { RateLimitMetrics } from './metrics.ts'
import type { TakeUnits } from './types.ts'

export type OrLocallyLimits = Readonly<{
  /** The longest wait for Redis. */
  commandMs: number
  /** Redis is left alone for this long after a failure. */
  coolOffMs: number
  /** Buckets that are kept in this process. */
  bucketsMax: number
}>

/**
 * Asks Redis, and decides in this process while Redis is away: "no limit" would be an invitation, and
 * "no requests" an outage. After a failure one request at a time finds out whether Redis is back, so
 * that the others do not wait for it.
 * @param now milliseconds of a monotonic clock
 */
export function orLocally(
  inRedis: TakeUnits,
  { commandMs, coolOffMs, bucketsMax }: OrLocallyLimits,
  { local }: Pick<RateLimitMetrics, 'local'>,
  now: () => number = () => performance.now(),
): TakeUnits {
  const inProcess = limitLocally(bucketsMax, now)
  let askAgainAt = Number.NEGATIVE_INFINITY
  let isAway = false

  return async (principal, asks) => {
    if (isAway && now() < askAgainAt) {
      local.inc()
      return inProcess(principal, asks)
    }
    // Until this request knows, Redis counts as away for the others if it was away before.
    askAgainAt = now() + coolOffMs
    try {
      const verdict = await within(commandMs, inRedis(principal, asks))
      isAway = false
      return verdict
    } catch (error) {
      // A mistake of ours in what is asked, and no failure of Redis.
      if (error instanceof RangeError) throw error
      // The client logs its lost connection, and the metric counts what was decided without it.
      isAway = true
      askAgainAt = now() + coolOffMs
      local.inc()
      return inProcess(principal, asks)
    }
  }
}

/**
 * The client has a timeout of its own, which begins when it sends. With pipelining a command may wait
 * behind others before that.
 */
async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const { promise: timeout, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`Redis took longer than ${ms} ms`)), ms)
  // The answer that comes too late is dropped, also if it is an error.
  answer.catch(() => {})
  try {
    return await Promise.race([answer, timeout])
  } finally {
    clearTimeout(timer)
  }
}
