/**
 * Fault:    one kind of work is slow or plentiful, and takes what all others need.
 * Without:  load-tests/results/search-flood.json (late publications); the code is `naive.ts`.
 * With:     each kind of work has a part of its own, and fills no other.
 * Switch:   PATTERN_BULKHEAD=naive
 */
import type { BulkheadMetrics } from './metrics.ts'

export type Bulkhead = {
  /**
   * Takes a place, and answers how to leave it. Undefined: all places are taken, and none became free
   * in time.
   */
  enter: () => Promise<(() => void) | undefined>
}

/** Calls that wait for a place. Both bounds are short: a call that waits holds up its own caller. */
export type BulkheadQueue = Readonly<{ waitMs: number; waitingMax: number }>

const noQueue: BulkheadQueue = { waitMs: 0, waitingMax: 0 }

/**
 * Bounds the calls of one kind that are under way at the same time. A place is left when the work
 * ends, and not when its caller gives up. opossum's `capacity` gives the place back at the timeout:
 * with a silent dependency 25 calls were under way at a capacity of five.
 * @param callsMax at most so many calls at the same time
 * @param queue for work that comes in batches. Without it, a call without a place is refused at once.
 */
export function bulkhead(
  callsMax: number,
  metrics: BulkheadMetrics,
  { waitMs, waitingMax }: BulkheadQueue = noQueue,
): Bulkhead {
  let underWay = 0
  const waiting = new Set<(leave: () => void) => void>()

  function take(): () => void {
    underWay += 1
    metrics.underWay(underWay)
    let hasLeft = false
    return () => {
      if (hasLeft) return
      hasLeft = true
      underWay -= 1
      metrics.underWay(underWay)
      const [first] = waiting
      first?.(take())
    }
  }

  /** Resolves when it is the first in the queue and a place is left, or after `waitMs`. */
  function queueUp(): Promise<(() => void) | undefined> {
    return new Promise(resolve => {
      const end = (leave?: () => void) => {
        waiting.delete(end)
        clearTimeout(timer)
        if (leave === undefined) metrics.refused()
        resolve(leave)
      }
      const timer = setTimeout(end, waitMs)
      waiting.add(end)
    })
  }

  return {
    async enter() {
      if (underWay < callsMax) return take()
      if (waiting.size < waitingMax) return queueUp()
      metrics.refused()
      return undefined
    },
  }
}
