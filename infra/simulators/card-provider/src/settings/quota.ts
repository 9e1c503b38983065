/** A bucket that fills by itself; every request takes a token out of it. */
export type Quota = Readonly<{
  /**
   * Undefined when a token was there, else the whole seconds until the next one, at least 1.
   * `perSecond` 0 is no quota at all. `burst` is what the bucket holds; 0: one second's worth.
   */
  take: (perSecond: number, burst: number) => number | undefined
}>

/** Full to begin with, and full again each time the quota was off. `now` is in milliseconds. */
export function createQuota(now: () => number): Quota {
  let tokens = Number.POSITIVE_INFINITY
  let filledAt = now()

  return {
    take(perSecond, burst) {
      if (perSecond === 0) {
        tokens = Number.POSITIVE_INFINITY
        return undefined
      }
      const at = now()
      const holds = burst === 0 ? perSecond : burst
      tokens = Math.min(holds, tokens + ((at - filledAt) / 1_000) * perSecond)
      filledAt = at
      if (tokens < 1) return Math.max(1, Math.ceil((1 - tokens) / perSecond))
      tokens -= 1
      return undefined
    },
  }
}
