import { join } from 'node:path'
import type { SaveAlertRequest } from '@nightshift/contracts/notifications-http'
import { reconcileDue } from '@nightshift/patterns/reconciler/reconciler'
import { buildOperationsServer } from '@nightshift/runtime/http/operations-server'
import { consumerCrashPoints, type RunningConsumer } from '@nightshift/runtime/kafka/consumer'
import { consumerMetrics } from '@nightshift/runtime/kafka/consumer-metrics'
import { openKafkaProducer } from '@nightshift/runtime/kafka/producer'
import { requireMigrations } from '@nightshift/runtime/postgres/migrate'
import { openPool, type PoolLimits, requirePostgres17 } from '@nightshift/runtime/postgres/postgres'
import { runInBackground } from '@nightshift/runtime/process/background'
import { readConfig } from '@nightshift/runtime/process/config'
import { armCrashpoint } from '@nightshift/runtime/process/crashpoint'
import { runService, untilAborted } from '@nightshift/runtime/process/lifecycle'
import { runLoop } from '@nightshift/runtime/process/loop'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { createMetrics } from '@nightshift/runtime/telemetry/metrics'
import { startTelemetry } from '@nightshift/runtime/telemetry/tracing'
import type { Pool } from 'pg'
import { buildApp } from './app.ts'
import { openMailServer } from './clients/mail-server.ts'
import { Config } from './config.ts'
import { consumeListingEvents } from './consumers/listing-events.ts'
import { notificationsCrashPoints } from './crash-points.ts'
import type { AdvertisedListing } from './domain/mail.ts'
import { saveAlert } from './flows/save-alert.ts'
import { matchAnnouncementsOnce } from './jobs/match-announcements.ts'
import { sendMailsOnce } from './jobs/send-mails.ts'
import { limits } from './limits.ts'
import type { NotificationsLog } from './log-events.ts'
import { type Links, mailLinks } from './mail-links.ts'
import { confirmAddress, unsubscribeAddress } from './store/addresses.ts'
import { addressTransaction } from './store/alerts.ts'
import { matchSlice, takeMatchingTurn } from './store/announcements.ts'
import { markFailed, markSent, postponeDelivery, takeMail } from './store/deliveries.ts'
import { listingEventTransaction } from './store/listing-event-transaction.ts'

/** Opens in the order of need; everything closes by itself, in reverse. */
async function run(config: Config, log: NotificationsLog, stop: AbortSignal): Promise<void> {
  await using open = new AsyncDisposableStack()
  open.use(startTelemetry('notifications', config.OTEL_EXPORTER_OTLP_ENDPOINT))
  const metrics = createMetrics('notifications')
  const pool = (limitsOfPool: PoolLimits) =>
    open.adopt(openPool(config.DATABASE_URL, 'notifications', limitsOfPool, log), p => p.end())
  const requests = pool(limits.requestPool)
  const matching = pool(limits.matchingPool)
  const sending = pool(limits.sendingPool)
  await requirePostgres17(requests)
  await requireMigrations(requests, join(import.meta.dirname, '../migrations'))

  let ready = false
  const consumers: RunningConsumer[] = []
  const operations = buildOperationsServer(metrics.registry, () => ready, consumers)
  open.defer(() => operations.close())
  await operations.listen({ host: config.HOST, port: config.OPERATIONS_PORT })

  const [newest = '', ...older] = config.MAIL_LINK_SECRETS.split(',')
  const links = mailLinks(config.PUBLIC_URL, [newest, ...older])
  startSending(config, open, stop, sending, links, log)
  startMatching(open, stop, matching, log)
  const { publish } = open.adopt(
    openKafkaProducer('notifications', config.KAFKA_BROKERS, config.KAFKA_PREFIX, log, stop),
    producer => producer.close(),
  )
  const consumer = consumeListingEvents(
    {
      brokers: config.KAFKA_BROKERS,
      prefix: config.KAFKA_PREFIX,
      publish,
      log,
      metrics: consumerMetrics(metrics.registry),
      stopping: stop,
    },
    { inOneTransaction: listingEventTransaction(matching) },
  )
  consumers.push(consumer)
  open.defer(() => consumer.close())

  const app = await buildApp({ log, metrics, ...routesDeps(requests, links) })
  open.defer(() => app.close())
  await app.listen({ host: config.HOST, port: config.PORT })
  ready = true
  log.info({ event: 'service.started', port: config.PORT, operationsPort: config.OPERATIONS_PORT })
  await untilAborted(stop)
  ready = false
}

function routesDeps(pool: Pool, links: Links) {
  const save = {
    withAddress: addressTransaction(pool, limits.confirmationEveryMs),
    perAddressMax: limits.alertsPerAddressMax,
  }
  return {
    saveAlert: (newAlertId: string, request: SaveAlertRequest) =>
      saveAlert(save, newAlertId, request),
    readConfirm: links.readConfirm,
    readUnsubscribe: links.readUnsubscribe,
    confirm: (addressId: string, version: number) => confirmAddress(pool, addressId, version),
    unsubscribe: (addressId: string) => unsubscribeAddress(pool, addressId),
  }
}

function startMatching(
  open: AsyncDisposableStack,
  stop: AbortSignal,
  pool: Pool,
  log: NotificationsLog,
): void {
  const { sliceMax, idleMs, failureBackoffCapMs } = limits.match
  const deps = {
    takeTurn: () => takeMatchingTurn(pool),
    matchSlice: (listing: AdvertisedListing, terms: readonly string[]) =>
      matchSlice(pool, listing, terms, sliceMax),
  }
  const runOnce = () => matchAnnouncementsOnce(deps)
  // One slice is a full round: as long as there was any, the next one begins at once.
  const loop = {
    name: 'match-announcements',
    runOnce,
    batchMax: 1,
    idleMs,
    failureBackoffCapMs,
    log,
  }
  runInBackground(open, [signal => runLoop({ ...loop, signal })], stop)
}

function startSending(
  config: Config,
  open: AsyncDisposableStack,
  stop: AbortSignal,
  pool: Pool,
  links: Links,
  log: NotificationsLog,
): void {
  const { send, smtp } = limits
  const { attemptMs, attemptsMax, copiesMax, againBaseMs: baseMs, againCapMs: capMs } = send
  const mailServer = open.adopt(openMailServer(config.SMTP_URL, { ...smtp, attemptMs }), m =>
    m.close(),
  )
  const deps = {
    reconcile: reconcileDue,
    take: () => takeMail(pool, send),
    turnsMax: send.turnsMax,
    concurrencyMax: send.concurrencyMax,
    roundMax: send.roundMax,
    log,
    mail: {
      send: mailServer.send,
      markSent: markSent(pool),
      markFailed: markFailed(pool),
      postpone: postponeDelivery(pool, { baseMs, capMs }),
      links,
      bounds: { attemptsMax, copiesMax },
      retryAfterCapMs: send.retryAfterCapMs,
    },
  }
  const { idleMs, failureBackoffCapMs, roundMax: batchMax } = send
  const runOnce = (signal: AbortSignal) => sendMailsOnce(deps, signal)
  const loop = { name: 'send-mails', runOnce, batchMax, idleMs, failureBackoffCapMs, log }
  runInBackground(open, [signal => runLoop({ ...loop, signal })], stop)
}

if (import.meta.main) {
  const log: NotificationsLog = openLog('notifications')
  await runService(log, limits.stopDeadlineMs, async stop => {
    const config = readConfig(Config, process.env)
    log.setLevel(config.LOG_LEVEL)
    if (config.CRASH_AT)
      armCrashpoint(config.CRASH_AT, [notificationsCrashPoints, consumerCrashPoints])
    await run(config, log, stop)
  })
}
