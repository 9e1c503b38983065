import { join } from 'node:path'
import { runInBackground } from '@nightshift/runtime/background'
import { readConfig } from '@nightshift/runtime/config'
import { armCrashpoint } from '@nightshift/runtime/crashpoint'
import { openKafkaProducer } from '@nightshift/runtime/kafka-producer'
import { runService, untilAborted } from '@nightshift/runtime/lifecycle'
import { type Log, openLog } from '@nightshift/runtime/logger'
import { runLoop } from '@nightshift/runtime/loop'
import { createMetrics } from '@nightshift/runtime/metrics'
import { requireMigrations } from '@nightshift/runtime/migrate'
import { buildOperationsServer } from '@nightshift/runtime/operations-server'
import { openPool, requirePostgres17 } from '@nightshift/runtime/postgres'
import { startTelemetry } from '@nightshift/runtime/telemetry'
import type { Pool } from 'pg'
import { buildApp } from './app.ts'
import { openMailServer } from './clients/mail-server.ts'
import { Config } from './config.ts'
import { consumeListingEvents } from './consumers/listing-events.ts'
import { sendMailsOnce } from './jobs/send-mails.ts'
import { limits } from './limits.ts'
import { saveAlert } from './store/alerts.ts'
import { markFailed, markSent, postponeDelivery, takeDueDeliveries } from './store/deliveries.ts'
import { listingEventTransaction } from './store/listing-event-transaction.ts'

/** Opens in the order of need; everything closes by itself, in reverse. */
async function run(config: Config, log: Log, stop: AbortSignal): Promise<void> {
  await using open = new AsyncDisposableStack()
  open.use(startTelemetry('notifications', config.OTEL_EXPORTER_OTLP_ENDPOINT))
  const metrics = createMetrics('notifications')
  const pool = open.adopt(openPool(config.DATABASE_URL, 'notifications', limits.pool, log), p =>
    p.end(),
  )
  await requirePostgres17(pool)
  await requireMigrations(pool, join(import.meta.dirname, '../migrations'))

  let ready = false
  const operations = buildOperationsServer(metrics.registry, () => ready)
  open.defer(() => operations.close())
  await operations.listen({ host: config.HOST, port: config.OPERATIONS_PORT })

  startSending(config, open, stop, pool, log)
  const { publish } = open.adopt(
    openKafkaProducer('notifications', config.KAFKA_BROKERS, config.KAFKA_PREFIX, log),
    producer => producer.close(),
  )
  const consumer = consumeListingEvents(
    { brokers: config.KAFKA_BROKERS, prefix: config.KAFKA_PREFIX, publish, log, metrics },
    { inOneTransaction: listingEventTransaction(pool) },
  )
  open.defer(() => consumer.close())

  const app = await buildApp({
    log,
    metrics,
    saveAlert: (alertId, alert) => saveAlert(pool, alertId, alert, limits.alertsPerAddressMax),
  })
  open.defer(() => app.close())
  await app.listen({ host: config.HOST, port: config.PORT })
  ready = true
  log.info({ event: 'service.started', port: config.PORT, operationsPort: config.OPERATIONS_PORT })
  await untilAborted(stop)
  ready = false
}

function startSending(
  config: Config,
  open: AsyncDisposableStack,
  stop: AbortSignal,
  pool: Pool,
  log: Log,
): void {
  const mailServer = open.adopt(openMailServer(config.SMTP_URL, limits.smtp), m => m.close())
  const { batchMax, idleMs, failureBackoffCapMs, leaseMs, againBaseMs, againCapMs } = limits.send
  const deps = {
    takeDue: () => takeDueDeliveries(pool, batchMax, leaseMs),
    concurrencyMax: limits.send.concurrencyMax,
    log,
    mail: {
      send: mailServer.send,
      markSent: (id: string) => markSent(pool, id),
      markFailed: (id: string, reason: string) => markFailed(pool, id, reason),
      postpone: (id: string) => postponeDelivery(pool, id, againBaseMs, againCapMs),
      attemptsMax: limits.send.attemptsMax,
    },
  }
  const runOnce = () => sendMailsOnce(deps)
  const loop = { name: 'send-mails', runOnce, batchMax, idleMs, failureBackoffCapMs, log }
  runInBackground(open, [signal => runLoop({ ...loop, signal })], stop)
}

if (import.meta.main) {
  const log = openLog('notifications')
  await runService(log, 9_000, async stop => {
    const config = readConfig(Config, process.env)
    log.setLevel(config.LOG_LEVEL)
    if (config.CRASH_AT) armCrashpoint(config.CRASH_AT)
    await run(config, log, stop)
  })
}
