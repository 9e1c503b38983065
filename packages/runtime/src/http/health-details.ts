import type { Pool } from 'pg'
import type { Registry } from 'prom-client'
import { type Stall, type Stallable, stallsOf } from '../kafka/consumer-progress.ts'

/** A report is shown again for so long. However many ask, the database is probed once in this time. */
const cachedMs = 2_000
/** A dependency that has not answered by then counts as away. */
const probeMs = 500

/** Gauges that say how far the work of this process is behind, and which dependency is refused. */
const shownGauges = [
  'breaker_state',
  'outbox_oldest_unpublished_seconds',
  'backlog_open',
  'consumer_without_progress_seconds',
  'payments_oldest_open_seconds',
  'refunds_oldest_pending_seconds',
  'dependency_local_stalls_total',
]

export type HealthDetails = Readonly<{
  /** `degraded`: a dependency is away or a consumer makes no progress. The status is 200 all the same. */
  status: 'ok' | 'degraded'
  at: string
  databases: Readonly<Record<string, Answered & { waiting: number }>>
  dependencies: Readonly<Record<string, Answered>>
  stalled: readonly Stall[]
  gauges: Readonly<Record<string, number>>
}>

type Answered = Readonly<{ answers: boolean; tookMs: number }>

/** Asks a dependency whether it answers. Rejects when it does not. */
export type AskDependency = () => Promise<unknown>

type Sources = Readonly<{
  pools: Readonly<Record<string, Pool>>
  dependencies: Readonly<Record<string, AskDependency>>
  consumers: readonly Stallable[]
  registry: Registry
}>

/**
 * A report for people about this process and what it depends on. It is no probe: as one, it would
 * restart every instance when the database is away. Requests share one report for two seconds.
 * @param sources read anew for each report, so entries may be added later
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

async function look(sources: Sources): Promise<HealthDetails> {
  const [databases, dependencies, gauges] = await Promise.all([
    askPools(sources.pools),
    askAll(sources.dependencies),
    readGauges(sources.registry),
  ])
  const stalled = stallsOf(sources.consumers)
  const all = [...Object.values(databases), ...Object.values(dependencies)]
  const isAway = all.some(({ answers }) => !answers)
  return {
    status: isAway || stalled.length > 0 ? 'degraded' : 'ok',
    at: new Date().toISOString(),
    databases,
    dependencies,
    stalled,
    gauges,
  }
}

async function askPools(pools: Sources['pools']): Promise<HealthDetails['databases']> {
  const asks = Object.entries(pools).map(([name, pool]) => {
    return [name, () => pool.query('SELECT 1')] as const
  })
  const answered = Object.entries(await askAll(Object.fromEntries(asks)))
  return Object.fromEntries(
    answered.map(([name, answer]) => {
      return [name, { ...answer, waiting: pools[name]?.waitingCount ?? 0 }]
    }),
  )
}

async function askAll(asks: Sources['dependencies']): Promise<HealthDetails['dependencies']> {
  const answered = Object.entries(asks).map(async ([name, ask]) => {
    const startedMs = performance.now()
    const answers = await answersInTime(ask)
    return [name, { answers, tookMs: Math.round(performance.now() - startedMs) }] as const
  })
  return Object.fromEntries(await Promise.all(answered))
}

async function answersInTime(ask: AskDependency): Promise<boolean> {
  const late = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => late.resolve(false), probeMs)
  const answered = ask().then(
    () => true,
    () => false, // the report says that it does not answer; its client logs why
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
