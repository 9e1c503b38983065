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
   * True if no more work of this tenant may begin: the backlog is full, or the tenant has its part of it
   * open. The last count decides, together with what requests have left open since. A request is
   * refused before anything has begun, because its result would come too late and delay others.
   */
  isFull: (tenantId: string) => boolean
  /** Counts anew. Answers 0, as a round of a loop that has nothing more to do now. */
  look: () => Promise<number>
  /** A request of this tenant has left its work open. */
  noteLeftOpen: (tenantId: string) => void
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
  let counted: ReadonlyMap<string, number> = new Map()
  /** Left open since the last count began; that one may not have seen them. */
  let leftOpen: readonly { tenantId: string; atMs: number }[] = []
  let bound = openMin
  /** When each was finished. More than `openMax` of them would change nothing. */
  let finishedAtMs: number[] = []

  function boundNow(): number {
    const sinceMs = nowMs() - rateWindowMs
    finishedAtMs = finishedAtMs.filter(atMs => atMs > sinceMs).slice(-openMax)
    const inTime = Math.floor((finishedAtMs.length * finishMs) / rateWindowMs)
    return Math.min(openMax, Math.max(openMin, inTime))
  }

  const countedInAll = () => [...counted.values()].reduce((sum, one) => sum + one, 0)
  const openOf = (tenantId: string) =>
    (counted.get(tenantId) ?? 0) + leftOpen.filter(one => one.tenantId === tenantId).length

  return {
    isFull: tenantId => {
      const free = bound - countedInAll() - leftOpen.length
      return free <= 0 || openOf(tenantId) >= openPerFree * free
    },
    look: async () => {
      const next = boundNow()
      const beganMs = nowMs()
      // A count that fails leaves all in force: they belong together.
      counted = await count(next)
      leftOpen = leftOpen.filter(({ atMs }) => atMs >= beganMs)
      bound = next
      metrics.open.set(countedInAll())
      metrics.bound.set(bound)
      return 0
    },
    noteLeftOpen: tenantId => {
      leftOpen = [...leftOpen, { tenantId, atMs: nowMs() }]
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
