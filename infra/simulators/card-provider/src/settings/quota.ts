/** The quota is a bucket that fills by itself. Every request takes one token out of it. */
export type Quota = Readonly<{
  /**
   * Takes a token and answers undefined. Without a token it answers the whole seconds until the next
   * one. A `perSecond` of 0 means no quota. `burst` is the size of the bucket, and 0 means the tokens
   * of one second.
   */
  take: (perSecond: number, burst: number) => number | undefined
}>

/** The bucket is full at first, and again each time the quota was off. `now` is in milliseconds. */
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
      const size = burst === 0 ? perSecond : burst
      tokens = Math.min(size, tokens + ((at - filledAt) / 1_000) * perSecond)
      filledAt = at
      if (tokens < 1) return Math.max(1, Math.ceil((1 - tokens) / perSecond))
      tokens -= 1
      return undefined
    },
  }
}
