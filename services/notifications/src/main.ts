import { join } from 'node:path'
import type { SaveAlertRequest } from '@nightshift/contracts/notifications-http'
import { retryThenDeadLetter } from '@nightshift/patterns/dead-letters/dead-letters'
import { retryForEver } from '@nightshift/patterns/dead-letters/naive'
import { rememberEvent } from '@nightshift/patterns/inbox/inbox'
import { takeEveryEventForNew } from '@nightshift/patterns/inbox/naive'
import { reconcileDue } from '@nightshift/patterns/reconciler/reconciler'
import { consumerCrashPoints } from '@nightshift/runtime/kafka/consumer'
import { consumerMetrics } from '@nightshift/runtime/kafka/consumer-metrics'
import { openKafkaProducer } from '@nightshift/runtime/kafka/producer'
import { runInBackground } from '@nightshift/runtime/process/background'
import { readConfig } from '@nightshift/runtime/process/config'
import { runService } from '@nightshift/runtime/process/lifecycle'
import { runLoop } from '@nightshift/runtime/process/loop'
import { warnOfNaivePatterns } from '@nightshift/runtime/process/naive-patterns'
import {
  type Opened,
  type PoolToOpen,
  type Serving,
  serve,
} from '@nightshift/runtime/process/serve'
import { openLog } from '@nightshift/runtime/telemetry/logger'
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

/** What notifications opens beside what every service has. */
async function start(
  config: Config,
  log: NotificationsLog,
  stop: AbortSignal,
  { open, pools, metrics }: Opened<PoolName>,
): Promise<Serving> {
  const [newest = '', ...older] = config.MAIL_LINK_SECRETS.split(',')
  const links = mailLinks(config.PUBLIC_URL, [newest, ...older])
  startSending(config, open, stop, pools.sending, links, log)
  startMatching(open, stop, pools.matching, log)
  const { publish } = open.adopt(
    openKafkaProducer('notifications', config.KAFKA_BROKERS, config.KAFKA_PREFIX, log, stop),
    producer => producer.close(),
  )
  const consumer = consumeListingEvents(
    {
      brokers: config.KAFKA_BROKERS,
      prefix: config.KAFKA_PREFIX,
      policy:
        config.PATTERN_DEAD_LETTERS === 'on'
          ? retryThenDeadLetter({ service: 'notifications', publish, log })
          : retryForEver(log),
      log,
      metrics: consumerMetrics(metrics.registry),
      stopping: stop,
    },
    {
      inOneTransaction: listingEventTransaction(
        pools.matching,
        config.PATTERN_INBOX === 'on' ? rememberEvent : takeEveryEventForNew,
      ),
    },
  )
  const app = await buildApp({ log, metrics, ...routesDeps(pools.requests, links) })
  return { app, consumers: [consumer] }
}

type PoolName = 'requests' | 'matching' | 'sending'

function poolsOf({ DATABASE_URL: url }: Config): Record<PoolName, PoolToOpen> {
  const name = 'notifications'
  return {
    requests: { url, name, limits: limits.requestPool },
    matching: { url, name, limits: limits.matchingPool },
    sending: { url, name, limits: limits.sendingPool },
  }
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
    warnOfNaivePatterns(config, log)
    await serve({
      name: 'notifications',
      config,
      log,
      stop,
      crashPoints: [notificationsCrashPoints, consumerCrashPoints],
      migrations: join(import.meta.dirname, '../migrations'),
      pools: poolsOf(config),
      start: opened => start(config, log, stop, opened),
    })
  })
}
