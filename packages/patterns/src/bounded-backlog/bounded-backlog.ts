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
   * True if the backlog is full, or full for this tenant: by the last look, and by what was left open
   * since. A new request is refused then, before anything has begun: accepted, it would wait longer
   * than its caller does, and make others wait longer too.
   */
  isFull: (tenantId: string) => boolean
  /** Counts anew. Answers 0, as a round of a loop that has nothing more to do now. */
  look: () => Promise<number>
  /** A request of this tenant has left its work open. */
  noteLeft: (tenantId: string) => void
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
 * The table is counted now and then and not with every request. What requests leave open meanwhile is
 * added: otherwise one burst between two looks fills the queue, and no share of a tenant means anything.
 * Only requests that are under way at the same moment can exceed the bound.
 */
export function boundedBacklog(options: BacklogOptions): Backlog {
  const { count, limits, metrics, nowMs = () => performance.now() } = options
  const { openMin, openMax, finishMs, rateWindowMs } = limits
  let open: ReadonlyMap<string, number> = new Map()
  /** Left open since the last count began; that one may not have seen them. */
  let left: readonly { tenantId: string; atMs: number }[] = []
  let bound = openMin
  /** When each was finished. More than `openMax` of them would change nothing. */
  let finishedAtMs: number[] = []

  function boundNow(): number {
    const sinceMs = nowMs() - rateWindowMs
    finishedAtMs = finishedAtMs.filter(atMs => atMs > sinceMs).slice(-openMax)
    const inTime = Math.floor((finishedAtMs.length * finishMs) / rateWindowMs)
    return Math.min(openMax, Math.max(openMin, inTime))
  }

  const counted = () => [...open.values()].reduce((sum, one) => sum + one, 0)
  const openOf = (tenantId: string) =>
    (open.get(tenantId) ?? 0) + left.filter(one => one.tenantId === tenantId).length

  return {
    isFull: tenantId => {
      const free = bound - counted() - left.length
      return free <= 0 || openOf(tenantId) >= openPerFree * free
    },
    look: async () => {
      const next = boundNow()
      const beganMs = nowMs()
      // A count that fails leaves all in force: they belong together.
      open = await count(next)
      left = left.filter(({ atMs }) => atMs >= beganMs)
      bound = next
      metrics.open.set(counted())
      metrics.bound.set(bound)
      return 0
    },
    noteLeft: tenantId => {
      left = [...left, { tenantId, atMs: nowMs() }]
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
