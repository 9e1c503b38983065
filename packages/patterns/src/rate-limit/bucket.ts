import type { Ask, Limit } from './types.ts'

export const microsPerMs = 1_000

/** A limit in whole microseconds: a sum of fractions would not come back to zero. */
export function bucketOf({ count, windowMs, burst }: Limit) {
  const intervalMicros = Math.max(1, Math.round((windowMs * microsPerMs) / count))
  return { intervalMicros, capacityMicros: burst * intervalMicros }
}

/** @throws RangeError: it would be refused for ever, and its `Retry-After` would be a lie. */
export function assertTakable({ limit, needs }: Ask): void {
  if (needs <= limit.burst) return
  throw new RangeError(`${limit.name}: ${needs} units at once are more than ${limit.burst}`)
}
