import type { Pool } from 'pg'
import { healthDetails } from '../http/health-details.ts'
import { buildOperationsServer } from '../http/operations-server.ts'
import type { RunningConsumer } from '../kafka/consumer.ts'
import { requireMigrations } from '../postgres/migrate.ts'
import { openPool, type PoolLimits, warmPool } from '../postgres/postgres.ts'
import type { Log } from '../telemetry/logger.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { startTelemetry } from '../telemetry/tracing.ts'
import { armCrashpoint, type CrashPoints } from './crashpoint.ts'
import { untilAborted } from './lifecycle.ts'

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
  CRASH_AT?: string
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
    listen: (at: { host: string; port: number }) => Promise<string>
    close: () => PromiseLike<unknown>
    /** From now on, each answer ends its connection. */
    endAfterAnswers?: () => void
  }>
  consumers?: readonly RunningConsumer[]
  /** What happens between the signal and closing. Unset: the service only becomes not ready. */
  leave?: (leaving: Leaving) => Promise<void>
}

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
  const { DRAIN_MS: drainMs, CRASH_AT: crashAt } = config
  if (crashAt) {
    const isArmed = armCrashpoint(crashAt, options.crashPoints)
    log.warn({ event: isArmed ? 'crashpoint.armed' : 'crashpoint.elsewhere', crashAt })
  }
  await using open = new AsyncDisposableStack()
  open.use(startTelemetry(name, config.OTEL_EXPORTER_OTLP_ENDPOINT))
  const metrics = createMetrics(name)
  const pools = openPools(options.pools, open, log)
  await requireMigrations(Object.values<Pool>(pools)[0] as Pool, options.migrations)
  await Promise.all(Object.values<Pool>(pools).map(warmPool))

  let isReady = false
  const consumers: RunningConsumer[] = []
  const { registry } = metrics
  const details = healthDetails({ pools, consumers, registry })
  const operations = buildOperationsServer(registry, () => isReady, consumers, details)
  open.defer(() => operations.close())
  await operations.listen({ host, port: operationsPort })

  const serving = await options.start({ open, pools, metrics })
  consumers.push(...(serving.consumers ?? []))
  for (const consumer of consumers) open.defer(() => consumer.close())
  open.defer(async () => void (await serving.app.close()))
  await serving.app.listen({ host, port })
  isReady = true
  log.info({ event: 'service.started', port, operationsPort })
  await untilAborted(stop)
  const becomeUnready = () => {
    isReady = false
    serving.app.endAfterAnswers?.()
  }
  await serving.leave?.({ becomeUnready, drainMs, log })
  becomeUnready()
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
