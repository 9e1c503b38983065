import { limitLocally } from './local-limit.ts'
import type { RateLimitMetrics } from './metrics.ts'
import type { TakeUnits } from './types.ts'

export type OrLocallyLimits = Readonly<{
  /** Redis is left alone for this long after a failure. */
  coolOffMs: number
  /** Buckets that are kept in this process. */
  bucketsMax: number
}>

/**
 * Asks Redis, and decides in this process while Redis is away: "no limit" would be an invitation, and
 * "no requests" an outage. After a failure one request at a time finds out whether Redis is back, so
 * that the others do not wait for it.
 * @param inRedis fails when Redis takes too long: its client has a timeout for each command
 * @param now milliseconds of a monotonic clock
 */
export function orLocally(
  inRedis: TakeUnits,
  { coolOffMs, bucketsMax }: OrLocallyLimits,
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
      const verdict = await inRedis(principal, asks)
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
