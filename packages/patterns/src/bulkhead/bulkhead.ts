/**
 * Fault:    one kind of work is slow or plentiful, and takes what all others need.
 * Without:  load-tests/results/search-flood.json (late publications); the code is `naive.ts`.
 * With:     each kind of work has a part of its own, and fills no other.
 * Switch:   PATTERN_BULKHEAD=naive
 */
import type { BulkheadMetrics } from './metrics.ts'

export type Bulkhead = {
  /**
   * Takes a place, and answers how to leave it. Undefined: all places are taken, and the caller is
   * refused at once. There is no queue: a call that waits here holds its own caller up as well.
   */
  enter: () => (() => void) | undefined
}

/**
 * Bounds the calls of one kind that are under way at the same time. A place is left when the work
 * ends, and not when its caller gives up. opossum's `capacity` gives the place back at the timeout:
 * with a silent dependency 25 calls were under way at a capacity of five.
 * @param callsMax at most so many calls at the same time
 */
export function bulkhead(callsMax: number, metrics: BulkheadMetrics): Bulkhead {
  let underWay = 0
  return {
    enter() {
      if (underWay >= callsMax) {
        metrics.refused()
        return undefined
      }
      underWay += 1
      metrics.underWay(underWay)
      let hasLeft = false
      return () => {
        if (hasLeft) return
        hasLeft = true
        underWay -= 1
        metrics.underWay(underWay)
      }
    },
  }
}
