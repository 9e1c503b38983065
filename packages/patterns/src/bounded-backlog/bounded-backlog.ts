/**
 * Fault:    more work is accepted than is finished, and waits in a table that has no end.
 * Without:  load-tests/results/piled-up-payments.json (late); the code is `naive.ts`.
 * With:     a request that would be late is refused before anything has begun.
 * Switch:   PATTERN_BOUNDED_BACKLOG=naive
 */
import { Gauge, type Registry } from 'prom-client'

/** Accepted work that is not finished, and whether there is as much as can be finished in time. */
export type Backlog = {
  /**
   * True if the last look found the backlog full, or full for this tenant. A new request is refused
   * then, before anything has begun: accepted, it would wait longer than its caller does, and make
   * others wait longer too.
   */
  isFull: (tenantId: string) => boolean
  /** Counts anew. Answers 0, as a round of a loop that has nothing more to do now. */
  look: () => Promise<number>
  /** A job has finished one of them. */
  noteFinished: () => void
}

export type BacklogLimits = Readonly<{
  /** May be open even if the job has finished nothing: what the slowest job finishes in time. */
  openMin: number
  /** May be open however fast the job is. */
  openMax: number
  /** All that is open is finished in this time, if the job goes on as fast as it is. */
  finishMs: number
  /** The rate of the job is that of so long. */
  rateWindowMs: number
}>

export type BacklogOptions = {
  /** How many wait, of each tenant, counting no further than `max` in all. */
  count: (max: number) => Promise<ReadonlyMap<string, number>>
  limits: BacklogLimits
  metrics: BacklogMetrics
  /** A monotonic clock, in milliseconds. */
  nowMs?: () => number
}

/** How much a tenant may have open, for each place that is free. */
const openPerFree = 2

/**
 * Bounds a queue that lives in a table by the time that it takes to work it off (Little's law: what is
 * waiting = rate x wait). The rate is what the job has finished of late.
 *
 * A tenant may have twice as much open as there is free (dynamic threshold: Choudhury and Hahne, 1998).
 * So a tenant that is alone fills two thirds, and two that are loud four fifths; the next one still
 * finds room, and no share has to be configured.
 *
 * The queue is counted now and then and not with every request, so requests that arrive between two
 * looks may exceed the bound.
 */
export function boundedBacklog(options: BacklogOptions): Backlog {
  const { count, limits, metrics, nowMs = () => performance.now() } = options
  const { openMin, openMax, finishMs, rateWindowMs } = limits
  let open: ReadonlyMap<string, number> = new Map()
  let waiting = 0
  let bound = openMin
  /** When each was finished. More than `openMax` of them would change nothing. */
  let finishedAtMs: number[] = []

  function boundNow(): number {
    const sinceMs = nowMs() - rateWindowMs
    finishedAtMs = finishedAtMs.filter(atMs => atMs > sinceMs).slice(-openMax)
    const inTime = Math.floor((finishedAtMs.length * finishMs) / rateWindowMs)
    return Math.min(openMax, Math.max(openMin, inTime))
  }

  return {
    isFull: tenantId => {
      const free = bound - waiting
      return free <= 0 || (open.get(tenantId) ?? 0) >= openPerFree * free
    },
    look: async () => {
      const next = boundNow()
      // A count that fails leaves both in force: they belong together.
      open = await count(next)
      waiting = [...open.values()].reduce((sum, one) => sum + one, 0)
      bound = next
      metrics.open.set(waiting)
      metrics.bound.set(bound)
      return 0
    },
    noteFinished: () => {
      finishedAtMs.push(nowMs())
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
    bound: new Gauge({
      name: 'backlog_bound',
      help: 'As much as may be open: with it, new requests are refused. It follows the rate of the job.',
      registers: [registry],
    }),
  }
}

export type BacklogMetrics = ReturnType<typeof backlogMetrics>
