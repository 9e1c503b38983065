import { flushCompileCache } from 'node:module'
import type { Pool } from 'pg'
import { type AskDependency, type HealthDetails, healthDetails } from '../http/health-details.ts'
import { buildOperationsServer, type Probes } from '../http/operations-server.ts'
import type { RunningConsumer } from '../kafka/consumer.ts'
import { requireMigrations } from '../postgres/migrate.ts'
import { showPools } from '../postgres/pool-metrics.ts'
import { openPool, type PoolLimits, warmPool } from '../postgres/postgres.ts'
import type { Log } from '../telemetry/logger.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { startTelemetry } from '../telemetry/tracing.ts'
import { armBlock, armCrashpoint, type CrashPoints } from './crashpoint.ts'
import { untilAborted } from './lifecycle.ts'
import { showPatterns } from './naive-patterns.ts'

/** The settings that every service has. */
export type ServeConfig = {
  HOST: string
  PORT: number
  OPERATIONS_PORT: number
  /**
   * How long the service goes on serving after it has said that it is not ready, in ms. A proxy before
   * several instances needs this time to find out. Without a proxy, 0: nothing would be gained.
   */
  DRAIN_MS: number
  OTEL_EXPORTER_OTLP_ENDPOINT?: string
  /** The share of the journeys that are traced. OpenTelemetry has this name for it. */
  OTEL_TRACES_SAMPLER_ARG: number
  CRASH_AT?: string
  BLOCK_AT?: string
}

/** A pool to be opened: its role and database, the name that the server shows, and its bounds. */
export type PoolToOpen = Readonly<{ url: string; name: string; limits: PoolLimits }>

/** What is open when a service opens its own resources. */
export type Opened<PoolName extends string> = {
  /** Takes what the service opens, and closes it in reverse when the service stops. */
  open: AsyncDisposableStack
  pools: Readonly<Record<PoolName, Pool>>
  metrics: Metrics
}

/** What a service serves with. Readiness names the consumers that stall. */
export type Serving = {
  app: Readonly<{
    /** Listens. So many connections wait to be accepted as the limits of the server say. */
    acceptAt: (place: { host: string; port: number }) => Promise<unknown>
    close: () => PromiseLike<unknown>
    /** From now on, each answer ends its connection. */
    endAfterAnswers?: () => void
  }>
  consumers?: readonly RunningConsumer[]
  /** What the service needs besides its databases. The report of its health asks them. */
  dependencies?: Readonly<Record<string, AskDependency>>
  /** How it answers the probes once it serves. */
  probes: (health: OwnHealth) => Probes
  /** What happens between the signal and closing. Unset: the service only becomes not ready. */
  leave?: (leaving: Leaving) => Promise<void>
}

/** What a process knows about its health. */
export type OwnHealth = Readonly<{
  /** It has started, and was not told to stop. */
  isServing: () => boolean
  /** Asks every dependency. The answer is at most two seconds old. */
  report: () => Promise<HealthDetails>
}>

/** What a service can do before it closes. */
export type Leaving = Readonly<{
  /** From now on readiness says no. Everything is served as before, and each answer ends its connection. */
  becomeUnready: () => void
  /** `DRAIN_MS`: how long the callers need to learn that. */
  drainMs: number
  log: Log
}>

export type ServeOptions<PoolName extends string> = {
  name: string
  config: ServeConfig
  log: Log
  stop: AbortSignal
  /** The lists of crash points that this process can reach. */
  crashPoints: readonly CrashPoints[]
  /** The directory of the service's migrations. All pools lead to the database that they are for. */
  migrations: string
  pools: Readonly<Record<PoolName, PoolToOpen>>
  start: (opened: Opened<PoolName>) => Promise<Serving>
}

/**
 * Serves until `stop` aborts. Opens in the order of need: traces, metrics, pools, the operations
 * port, what `start` opens, the public port.
 *
 * A stop has an order, too. `leave` decides what comes first, while the service still serves. Then
 * everything closes in reverse: requests are drained, the consumers leave, connections close last.
 * Jobs and consumers begin nothing new from the signal on.
 * @throws when the database is not migrated as this version needs it
 */
export async function serve<PoolName extends string>(
  options: ServeOptions<PoolName>,
): Promise<void> {
  const { name, config, log, stop } = options
  const { HOST: host, PORT: port, OPERATIONS_PORT: operationsPort } = config
  const { DRAIN_MS: drainMs } = config
  armFaults(options)
  await using open = new AsyncDisposableStack()
  const { OTEL_EXPORTER_OTLP_ENDPOINT: collector, OTEL_TRACES_SAMPLER_ARG: share } = config
  open.use(await startTelemetry(name, collector, share))
  const metrics = createMetrics(name)
  showPatterns(config, metrics.registry)
  const pools = openPools(options.pools, open, log)
  showPools(pools, metrics.registry)
  await Promise.all(Object.values<Pool>(pools).map(warmPool))
  await requireMigrations(Object.values<Pool>(pools)[0] as Pool, options.migrations)

  let isServing = false
  const consumers: RunningConsumer[] = []
  const dependencies: Record<string, AskDependency> = {}
  const { registry } = metrics
  const report = healthDetails({ pools, dependencies, consumers, registry })
  const health: OwnHealth = { isServing: () => isServing, report }
  let probes: Probes = { isLive: () => true, isReady: () => false }
  const operations = buildOperationsServer(
    registry,
    { isLive: () => probes.isLive(), isReady: () => probes.isReady() },
    consumers,
    report,
  )
  open.defer(() => operations.close())
  await operations.listen({ host, port: operationsPort })

  const serving = await options.start({ open, pools, metrics })
  consumers.push(...(serving.consumers ?? []))
  Object.assign(dependencies, serving.dependencies)
  for (const consumer of consumers) open.defer(() => consumer.close())
  open.defer(async () => void (await serving.app.close()))
  // Node writes its cache of compiled files at exit only, and a process that is killed never exits.
  flushCompileCache()
  await serving.app.acceptAt({ host, port })
  probes = serving.probes(health)
  isServing = true
  log.info({ event: 'service.started', port, operationsPort })
  await untilAborted(stop)
  const becomeUnready = () => {
    isServing = false
    serving.app.endAfterAnswers?.()
  }
  await serving.leave?.({ becomeUnready, drainMs, log })
  becomeUnready()
}

/** For experiments: this process dies, or blocks its event loop, at a place in its code. */
function armFaults({
  config,
  crashPoints,
  log,
}: Pick<ServeOptions<string>, 'config' | 'crashPoints' | 'log'>): void {
  for (const [name, arm] of [
    ['CRASH_AT', armCrashpoint],
    ['BLOCK_AT', armBlock],
  ] as const) {
    const setting = config[name]
    if (!setting) continue
    const isArmed = arm(setting, crashPoints)
    log.warn({
      event: isArmed ? 'crashpoint.armed' : 'crashpoint.elsewhere',
      setting: `${name}=${setting}`,
    })
  }
}

function openPools<PoolName extends string>(
  toOpen: Readonly<Record<PoolName, PoolToOpen>>,
  open: AsyncDisposableStack,
  log: Log,
): Readonly<Record<PoolName, Pool>> {
  const pools = Object.entries<PoolToOpen>(toOpen).map(([key, { url, name, limits }]) => [
    key,
    open.adopt(openPool(url, name, limits, log), pool => pool.end()),
  ])
  return Object.fromEntries(pools)
}
