import { assertTakable, bucketOf, microsPerMs } from './bucket.ts'
import type { TakeUnits } from './types.ts'

/**
 * The same buckets in the memory of this process, for the time without Redis. Each process gives the
 * whole limit, so that a tenant gets at most as many times its limit as there are processes.
 * @param bucketsMax above it, the bucket that was asked for longest ago is forgotten, which empties it
 * @param now milliseconds of a monotonic clock
 */
export function limitLocally(
  bucketsMax: number,
  now: () => number = () => performance.now(),
): TakeUnits {
  /** The time at which each bucket is empty, in microseconds, in the order of the last requests. */
  const emptyAt = new Map<string, number>()

  function write(key: string, micros: number): void {
    emptyAt.delete(key)
    emptyAt.set(key, micros)
    const [oldest] = emptyAt.keys()
    if (emptyAt.size > bucketsMax && oldest !== undefined) emptyAt.delete(oldest)
  }

  return async (principal, asks) => {
    asks.forEach(assertTakable)
    const nowMicros = Math.floor(now() * microsPerMs)
    const judged = asks.map(({ limit, needs, cost }) => {
      const { intervalMicros, capacityMicros } = bucketOf(limit)
      const key = `${principal} ${limit.bucket}`
      const level = Math.max(0, (emptyAt.get(key) ?? nowMicros) - nowMicros)
      const wait = needs > 0 ? Math.max(0, level + needs * intervalMicros - capacityMicros) : 0
      const after = Math.min(2 * capacityMicros, Math.max(0, level + cost * intervalMicros))
      return { key, intervalMicros, capacityMicros, level, wait, after }
    })
    const isAllowed = judged.every(({ wait }) => wait === 0)
    const states = judged.map(({ key, intervalMicros, capacityMicros, wait, ...levels }) => {
      const level = isAllowed ? levels.after : levels.level
      write(key, nowMicros + level)
      return {
        remaining: Math.max(0, Math.floor((capacityMicros - level) / intervalMicros)),
        retryAfterMs: wait / microsPerMs,
        resetMs: level / microsPerMs,
      }
    })
    return { isAllowed, states }
  }
}
