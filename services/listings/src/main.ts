import { join } from 'node:path'
import { buildOperationsServer } from '@nightshift/runtime/http/operations-server'
import type { RunningConsumer } from '@nightshift/runtime/kafka/consumer'
import { requireMigrations } from '@nightshift/runtime/postgres/migrate'
import { openPool, type PoolLimits, requirePostgres17 } from '@nightshift/runtime/postgres/postgres'
import { readConfig } from '@nightshift/runtime/process/config'
import { armCrashpoint } from '@nightshift/runtime/process/crashpoint'
import { runService, untilAborted } from '@nightshift/runtime/process/lifecycle'
import { warnOfNaivePatterns } from '@nightshift/runtime/process/naive-patterns'
import { type Log, openLog } from '@nightshift/runtime/telemetry/logger'
import { createMetrics } from '@nightshift/runtime/telemetry/metrics'
import { startTelemetry } from '@nightshift/runtime/telemetry/tracing'
import { compose } from './compose.ts'
import { Config } from './config.ts'
import { limits } from './limits.ts'

/** Opens in the order of need; everything closes by itself, in reverse. */
async function run(config: Config, log: Log, stop: AbortSignal): Promise<void> {
  await using open = new AsyncDisposableStack()
  open.use(startTelemetry('listings', config.OTEL_EXPORTER_OTLP_ENDPOINT))
  const metrics = createMetrics('listings')
  const adopt = (url: string, name: string, bounds: PoolLimits) =>
    open.adopt(openPool(url, name, bounds, log), p => p.end())
  const pool = adopt(config.DATABASE_URL, 'listings', limits.pool)
  const workerPool = adopt(config.WORKER_DATABASE_URL, 'listings-worker', limits.workerPool)
  const searchPool = adopt(config.WORKER_DATABASE_URL, 'listings-search', limits.searchPool)
  await requirePostgres17(pool)
  await requireMigrations(pool, join(import.meta.dirname, '../migrations'))

  let ready = false
  const running: RunningConsumer[] = []
  const operations = buildOperationsServer(metrics.registry, () => ready, running)
  open.defer(() => operations.close())
  await operations.listen({ host: config.HOST, port: config.OPERATIONS_PORT })

  const resources = { open, stop, log, metrics, pool, workerPool, searchPool }
  const { app, consumers } = await compose(config, resources)
  running.push(...consumers)
  open.defer(() => app.close())
  await app.listen({ host: config.HOST, port: config.PORT })
  ready = true
  log.info({ event: 'service.started', port: config.PORT, operationsPort: config.OPERATIONS_PORT })
  await untilAborted(stop)
  ready = false
}

/** These variants are about charging a card, which payments does. Here they are as good as `on`. */
function switchesHere(config: Config, log: Log): Config {
  const { PATTERN_IDEMPOTENCY_KEY: variant } = config
  if (variant !== 'claim-in-business-transaction' && variant !== 'cache-then-charge') return config
  log.info({ event: 'pattern.unaffected', switch: 'PATTERN_IDEMPOTENCY_KEY', variant })
  return { ...config, PATTERN_IDEMPOTENCY_KEY: 'on' }
}

if (import.meta.main) {
  const log = openLog('listings')
  await runService(log, limits.stopDeadlineMs, async stop => {
    const config = readConfig(Config, process.env)
    log.setLevel(config.LOG_LEVEL)
    warnOfNaivePatterns(switchesHere(config, log), log)
    if (config.CRASH_AT) armCrashpoint(config.CRASH_AT)
    await run(config, log, stop)
  })
}
