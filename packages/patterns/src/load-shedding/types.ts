/**
 * The order in which calls are served. `begun` is work whose outcome is open: a share of the rate
 * is kept for it. The others are requests at the door; `door.ts` decides between them.
 */
export const levels = ['begun', 'high', 'middle', 'low'] as const
export type Level = (typeof levels)[number]

/** Admits calls to one dependency, no more than it takes. */
export type Admission = {
  /** Takes a place for one call. False: there is none, and nothing must be begun. */
  take: (level: Level) => boolean
  /** Returns a place that was not used: the request was a repetition, or a mistake. */
  giveBack: (level?: Level) => void
  /** The places per second that it gives now. Undefined while no limit is known. */
  perSecond: () => number | undefined
  /** Those of them that work which has begun does not use. */
  openPerSecond: () => number | undefined
}
