import { join } from 'node:path'
import { buildOperationsServer } from '@nightshift/runtime/http/operations-server'
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
import { Config, refuseIgnoredSwitches } from './config.ts'
import { limits } from './limits.ts'
import { createPaymentMetrics } from './metrics.ts'

/** Opens in the order of need; everything closes by itself, in reverse. */
async function run(config: Config, log: Log, stop: AbortSignal): Promise<void> {
  await using open = new AsyncDisposableStack()
  open.use(startTelemetry('payments', config.OTEL_EXPORTER_OTLP_ENDPOINT))
  const metrics = createMetrics('payments')
  const adopt = (url: string, name: string, bounds: PoolLimits) =>
    open.adopt(openPool(url, name, bounds, log), p => p.end())
  const pool = adopt(config.DATABASE_URL, 'payments', limits.pool)
  const worker = adopt(config.WORKER_DATABASE_URL, 'payments-worker', limits.workerPool)
  const lookUps = adopt(config.WORKER_DATABASE_URL, 'payments-look-ups', limits.lookUpPool)
  await requirePostgres17(pool)
  await requireMigrations(pool, join(import.meta.dirname, '../migrations'))

  let ready = false
  const operations = buildOperationsServer(metrics.registry, () => ready)
  open.defer(() => operations.close())
  await operations.listen({ host: config.HOST, port: config.OPERATIONS_PORT })

  const paymentMetrics = createPaymentMetrics(metrics.registry)
  const resources = { open, stop, log, metrics, paymentMetrics, pool, worker, lookUps }
  const app = await compose(config, resources)
  open.defer(() => app.close())
  await app.listen({ host: config.HOST, port: config.PORT })
  ready = true
  log.info({ event: 'service.started', port: config.PORT, operationsPort: config.OPERATIONS_PORT })
  await untilAborted(stop)
  ready = false
}

if (import.meta.main) {
  const log = openLog('payments')
  await runService(log, limits.stopDeadlineMs, async stop => {
    const config = readConfig(Config, process.env)
    log.setLevel(config.LOG_LEVEL)
    refuseIgnoredSwitches(config)
    warnOfNaivePatterns(config, log)
    if (config.CRASH_AT) armCrashpoint(config.CRASH_AT)
    await run(config, log, stop)
  })
}
