import { Gauge, type Registry } from 'prom-client'

/** What was accepted and is not finished, and whether it is as much as can be finished in time. */
export type Backlog = {
  /**
   * As of the last look. A new request is refused then, before anything has begun: accepted, it would
   * be one more that waits for longer than anybody does, and makes the others wait longer too.
   */
  isFull: () => boolean
  /** Counts anew. Answers 0, as a round of a loop that has nothing more to do now. */
  look: () => Promise<number>
}

/**
 * Bounds a queue that lives in a table. It is counted now and then and not with every request, so the
 * bound may be passed by what arrives between two looks.
 * @param count how many wait, counting no further than `max`
 */
export function watchBacklog(
  count: (max: number) => Promise<number>,
  max: number,
  gauge: Pick<Gauge, 'set'>,
): Backlog {
  let waiting = 0
  return {
    isFull: () => waiting >= max,
    look: async () => {
      waiting = await count(max)
      gauge.set(waiting)
      return 0
    },
  }
}

/** The one metric of a backlog. */
export function backlogMetrics(registry: Registry) {
  return {
    open: new Gauge({
      name: 'backlog_open',
      help: 'Accepted and not finished by its request; a job goes on with it. Counted up to its bound.',
      registers: [registry],
    }),
  }
}
