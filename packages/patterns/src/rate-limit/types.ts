/** So many units in a window, and how many of them may be taken at the same moment. */
export type Limit = Readonly<{
  /** Names the policy in header fields, and the label of a metric. */
  name: string
  /** Names the bucket in Redis, together with the principal. */
  bucket: string
  count: number
  windowMs: number
  /** Any window of this length lets through at most `count` and `burst` together. */
  burst: number
}>

/** What is asked of one limit. */
export type Ask = Readonly<{
  limit: Limit
  /** So many units must be free, or nothing is taken from any limit that is asked with it. */
  needs: number
  /** So many are taken. A negative number gives some back. More than there are empties the limit. */
  cost: number
}>

/** A limit, as the asker has left it. */
export type LimitState = Readonly<{
  remaining: number
  /** 0 unless this limit refuses: the time until it has what was needed. */
  retryAfterMs: number
  /** The time until nothing of it is used. */
  resetMs: number
}>

/** The states are in the order of what was asked. */
export type Verdict = Readonly<{ isAllowed: boolean; states: readonly LimitState[] }>

/**
 * Takes units from several limits of one principal: from all of them, or from none.
 * @param principal who is limited, such as a tenant; never a text that a stranger chose
 */
export type TakeUnits = (principal: string, asks: readonly Ask[]) => Promise<Verdict>
