/**
 * Fault:    more work is accepted than is finished, and waits in a table that has no end.
 * Without:  everything is accepted, and in the end everything is late; the code is `naive.ts`.
 * With:     a request that would be late is refused before anything has begun.
 * Switch:   PATTERN_BOUNDED_BACKLOG=naive
 */
import { Gauge, type Registry } from 'prom-client'

/** Accepted work that is not finished, and whether there is as much as can be finished in time. */
export type Backlog = {
  /**
   * True if the last look found the backlog full. A new request is refused then, before anything has
   * begun: accepted, it would wait longer than its caller does, and make others wait longer too.
   */
  isFull: () => boolean
  /** Counts anew. Answers 0, as a round of a loop that has nothing more to do now. */
  look: () => Promise<number>
}

export type BacklogOptions = {
  /** How many wait, counting no further than `max`. */
  count: (max: number) => Promise<number>
  max: number
  metrics: BacklogMetrics
}

/**
 * Bounds a queue that lives in a table. It is counted now and then and not with every request, so
 * requests that arrive between two looks may exceed the bound.
 */
export function boundedBacklog({ count, max, metrics }: BacklogOptions): Backlog {
  let waiting = 0
  return {
    isFull: () => waiting >= max,
    look: async () => {
      waiting = await count(max)
      metrics.open.set(waiting)
      return 0
    },
  }
}

export function backlogMetrics(registry: Registry) {
  return {
    open: new Gauge({
      name: 'backlog_open',
      help: 'Accepted and not finished by its request; a job goes on with it. Counted up to its bound.',
      registers: [registry],
    }),
  }
}

export type BacklogMetrics = ReturnType<typeof backlogMetrics>
