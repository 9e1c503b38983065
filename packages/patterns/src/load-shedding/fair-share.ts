export type FairShareLimits = Readonly<{
  /** A tenant counts as active for this long after its last request. */
  activeMs: number
  /** How much of its share a tenant may use at once after a pause. */
  burstMs: number
  /** Tenants that are remembered. The one that was quiet for longest is forgotten first. */
  tenantsMax: number
}>

/**
 * `over`: the tenant is loud and has used its share. `modest`: it wants much less than its share, so all
 * its requests can be served. `within`: every other tenant, also while there is enough for all.
 */
export type Standing = 'over' | 'within' | 'modest'

export type FairShare = {
  /**
   * Where a tenant that asks now stands with its share of what is given out.
   * @param hasWaited for a client that was here before. It says nothing new about what is wanted.
   */
  standingOf: (tenantId: string, hasWaited?: boolean) => Standing
  /** The tenant was given a place. */
  use: (tenantId: string) => void
}

/** `asked` counts first attempts since `sinceMs`, and fades. */
type Use = { sinceMs: number; atMs: number; used: number; asked: number }

const msPerSecond = 1_000
const shareAgainMs = 250
/**
 * The rest is promised to no tenant. With a tenth left, a loud tenant that wants all the others leave took
 * places from them in each moment in which the rate turned out to be lower.
 */
const promisedShare = 0.7
/**
 * A tenant that wants less than this part of its share is modest. Of tenants that all want the same, each
 * seems to want a little less now and then, and its repetitions must not come before newcomers of the others.
 */
const modestShare = 0.6
/**
 * A tenant that wants less than this many shares is not loud. It wants hardly more than its part of the
 * whole, of which only seven tenths are promised, and would be over its share again and again.
 */
const loudShares = 2

/**
 * A share of a rate for each active tenant, so that one that sends ten times as much does not crowd out
 * the others. The shares are equal, and what a tenant does not want is shared by those that want more
 * (max-min fairness: Bertsekas and Gallager, Data Networks, 6.5.2). Nothing is refused here: a tenant
 * over its share is only served after those below theirs.
 * @param perSecond the rate that is shared; undefined means that there is enough for all
 * @param now milliseconds of a monotonic clock
 */
export function fairShare(
  limits: FairShareLimits,
  perSecond: () => number | undefined,
  now: () => number = () => performance.now(),
): FairShare {
  /** In the order of their last requests. */
  const uses = new Map<string, Use>()
  let share = Number.POSITIVE_INFINITY
  let sharedAt = Number.NEGATIVE_INFINITY

  function shareOf(rate: number, at: number): number {
    if (at - sharedAt >= shareAgainMs) {
      sharedAt = at
      const active = [...uses.values()].filter(({ atMs }) => at - atMs < limits.activeMs)
      const wanted = active.map(use => wantedPerSecond(use, at))
      share = maxMinShare(wanted, rate * promisedShare)
    }
    return share
  }

  /**
   * What a count that fades has seen is less than a whole `activeMs` at first. Without the correction, a
   * tenant that has just come seems to want nearly nothing, and its share is given to a loud one.
   */
  function wantedPerSecond({ sinceMs, atMs, asked }: Use, at: number): number {
    const ageMs = Math.max(shareAgainMs, at - sinceMs)
    const seenMs = limits.activeMs * (1 - faded(1, ageMs))
    return (faded(asked, at - atMs) * msPerSecond) / seenMs
  }

  function faded(asked: number, sinceMs: number): number {
    return asked * Math.exp(-sinceMs / limits.activeMs)
  }

  /** The use of the past runs off at the rate of the share. */
  function lookAt(tenantId: string, at: number, hasWaited: boolean): Use {
    const known = uses.get(tenantId)
    const isNew = known === undefined || at - known.atMs > limits.activeMs
    const { sinceMs, atMs, used, asked } = isNew
      ? { sinceMs: at, atMs: known?.atMs ?? at, used: known?.used ?? 0, asked: 0 }
      : known
    const passedMs = at - atMs
    // No time times an unlimited share would be no number.
    const ranOff = passedMs === 0 ? 0 : (passedMs / msPerSecond) * share
    const use = {
      sinceMs,
      atMs: at,
      used: Math.max(0, used - ranOff),
      asked: faded(asked, passedMs) + (hasWaited ? 0 : 1),
    }
    uses.delete(tenantId)
    uses.set(tenantId, use)
    const [oldest] = uses.keys()
    if (uses.size > limits.tenantsMax && oldest !== undefined) uses.delete(oldest)
    return use
  }

  return {
    standingOf(tenantId, hasWaited = false) {
      const rate = perSecond()
      if (rate === undefined) {
        // There is enough for all, and what is used meanwhile does not count later.
        uses.clear()
        return 'within'
      }
      const at = now()
      const use = lookAt(tenantId, at, hasWaited)
      const mine = shareOf(rate, at)
      const wanted = wantedPerSecond(use, at)
      const hasUsedUp = use.used + 1 > Math.max(1, (mine * limits.burstMs) / msPerSecond)
      if (hasUsedUp && wanted > mine * loudShares) return 'over'
      // A tenant that is alone has no share that others would leave to it.
      const isModest = Number.isFinite(mine) && wanted < mine * modestShare
      return isModest ? 'modest' : 'within'
    },
    use(tenantId) {
      const use = uses.get(tenantId)
      if (use !== undefined) use.used += 1
    },
  }
}

/**
 * The largest share with which all that is given out is no more than the rate. A tenant gets no more
 * than it wants.
 */
function maxMinShare(wanted: readonly number[], rate: number): number {
  // A tenant that is alone crowds out no other.
  if (wanted.length < 2) return Number.POSITIVE_INFINITY
  let left = rate
  const rising = wanted.toSorted((a, b) => a - b)
  for (const [at, one] of rising.entries()) {
    const equal = left / (rising.length - at)
    if (one > equal) return equal
    left -= one
  }
  return Number.POSITIVE_INFINITY
}
