import type { Pool } from 'pg'
import type { Registry } from 'prom-client'
import { type Stall, type Stallable, stallsOf } from '../kafka/consumer-progress.ts'

/** A report is shown again for so long. However many ask, the database is probed once in this time. */
const cachedMs = 2_000
/** A database that has not answered by then counts as away. */
const probeMs = 500

/** Gauges that say how far the work of this process is behind, and which dependency is refused. */
const shownGauges = [
  'breaker_state',
  'outbox_oldest_unpublished_seconds',
  'backlog_open',
  'consumer_without_progress_seconds',
  'payments_oldest_open_seconds',
  'refunds_oldest_pending_seconds',
  'timeouts_local_stall_total',
]

export type HealthDetails = Readonly<{
  /** `degraded`: a database is away or a consumer makes no progress. The status is 200 all the same. */
  status: 'ok' | 'degraded'
  at: string
  databases: Readonly<Record<string, { answers: boolean; tookMs: number; waiting: number }>>
  stalled: readonly Stall[]
  gauges: Readonly<Record<string, number>>
}>

type Sources = Readonly<{
  pools: Readonly<Record<string, Pool>>
  consumers: readonly Stallable[]
  registry: Registry
}>

/**
 * A report for people about this process and what it depends on. It is no probe: as one, it would
 * restart every instance when the database is away. Requests share one report for two seconds.
 */
export function healthDetails(sources: Sources): () => Promise<HealthDetails> {
  let report: Promise<HealthDetails> | undefined
  let madeMs = Number.NEGATIVE_INFINITY
  return () => {
    if (report && performance.now() - madeMs < cachedMs) return report
    madeMs = performance.now()
    report = look(sources)
    return report
  }
}

async function look({ pools, consumers, registry }: Sources): Promise<HealthDetails> {
  const [databases, gauges] = await Promise.all([probeAll(pools), readGauges(registry)])
  const stalled = stallsOf(consumers)
  const isAway = Object.values(databases).some(({ answers }) => !answers)
  return {
    status: isAway || stalled.length > 0 ? 'degraded' : 'ok',
    at: new Date().toISOString(),
    databases,
    stalled,
    gauges,
  }
}

async function probeAll(pools: Sources['pools']): Promise<HealthDetails['databases']> {
  const probes = Object.entries(pools).map(async ([name, pool]) => {
    const startedMs = performance.now()
    const answers = await answersInTime(pool)
    const tookMs = Math.round(performance.now() - startedMs)
    return [name, { answers, tookMs, waiting: pool.waitingCount }] as const
  })
  return Object.fromEntries(await Promise.all(probes))
}

async function answersInTime(pool: Pool): Promise<boolean> {
  const late = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => late.resolve(false), probeMs)
  const answered = pool.query('SELECT 1').then(
    () => true,
    () => false, // the report says that it does not answer; the pool logs why
  )
  const answers = await Promise.race([answered, late.promise])
  clearTimeout(timer)
  return answers
}

async function readGauges(registry: Registry): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (const name of shownGauges) {
    const metric = await registry.getSingleMetric(name)?.get()
    for (const { labels, value } of metric?.values ?? []) {
      const of = Object.entries(labels).filter(([label]) => label !== 'service')
      found[[name, ...of.map(([, text]) => text)].join(' ')] = value
    }
  }
  return found
}
