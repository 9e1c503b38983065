export type FairShareLimits = Readonly<{
  /** A tenant counts as active for this long after its last request. */
  activeMs: number
  /** How much of its share a tenant may use at once after a pause. */
  burstMs: number
  /** Tenants that are remembered. The one that was quiet for longest is forgotten first. */
  tenantsMax: number
}>

export type FairShare = {
  /** Whether a tenant that asks now has used its share of what is given out. */
  isOver: (tenantId: string) => boolean
  /** The tenant was given a place. */
  use: (tenantId: string) => void
}

type Use = { atMs: number; used: number }

const msPerSecond = 1_000
const countAgainMs = 250

/**
 * An equal share of a rate for each active tenant, so that one that sends ten times as much does not
 * crowd out the others. Nothing is refused here: a tenant over its share is only served after those
 * below theirs.
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
  let active = 1
  let countedAt = Number.NEGATIVE_INFINITY

  function countActive(at: number): number {
    if (at - countedAt >= countAgainMs) {
      countedAt = at
      active = [...uses.values()].filter(({ atMs }) => at - atMs < limits.activeMs).length
    }
    return Math.max(1, active)
  }

  /** The use of the past runs off at the rate of the share. */
  function lookAt(tenantId: string, share: number): Use {
    const at = now()
    const { atMs, used } = uses.get(tenantId) ?? { atMs: at, used: 0 }
    const use = { atMs: at, used: Math.max(0, used - ((at - atMs) / msPerSecond) * share) }
    uses.delete(tenantId)
    uses.set(tenantId, use)
    const [oldest] = uses.keys()
    if (uses.size > limits.tenantsMax && oldest !== undefined) uses.delete(oldest)
    return use
  }

  return {
    isOver(tenantId) {
      const rate = perSecond()
      if (rate === undefined) {
        // There is enough for all, and what is used meanwhile does not count later.
        uses.clear()
        return false
      }
      const share = rate / countActive(now())
      const { used } = lookAt(tenantId, share)
      return used + 1 > Math.max(1, (share * limits.burstMs) / msPerSecond)
    },
    use(tenantId) {
      const use = uses.get(tenantId)
      if (use !== undefined) use.used += 1
    },
  }
}
