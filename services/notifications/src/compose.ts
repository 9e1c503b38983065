import type { SaveAlertRequest } from '@nightshift/contracts/notifications-http'
import { bulkhead } from '@nightshift/patterns/bulkhead/bulkhead'
import { bulkheadMetrics } from '@nightshift/patterns/bulkhead/metrics'
import { noBulkhead } from '@nightshift/patterns/bulkhead/naive'
import { dependencyMetrics } from '@nightshift/patterns/circuit-breaker/metrics'
import { breakerVersions } from '@nightshift/patterns/circuit-breaker/versions'
import { retryThenDeadLetter } from '@nightshift/patterns/dead-letters/dead-letters'
import { retryForEver } from '@nightshift/patterns/dead-letters/naive'
import { callersBudget } from '@nightshift/patterns/deadline/deadline'
import { ownBudget } from '@nightshift/patterns/deadline/naive'
import { drainFirst } from '@nightshift/patterns/graceful-shutdown/graceful-shutdown'
import { endAtOnce } from '@nightshift/patterns/graceful-shutdown/naive'
import { askThisProcessOnly } from '@nightshift/patterns/health-checks/health-checks'
import { askEveryDependency } from '@nightshift/patterns/health-checks/naive'
import { rememberEvent } from '@nightshift/patterns/inbox/inbox'
import { takeEveryEventForNew } from '@nightshift/patterns/inbox/naive'
import { refuseWhileBehind } from '@nightshift/patterns/load-shedding/loop-lag'
import { refuseNever } from '@nightshift/patterns/load-shedding/naive'
import { outboundCall } from '@nightshift/patterns/outbound-call/outbound-call'
import { clientDoor } from '@nightshift/patterns/rate-limit/client-door'
import { rateLimitMetrics } from '@nightshift/patterns/rate-limit/metrics'
import { reconcileDue } from '@nightshift/patterns/reconciler/reconciler'
import { neverRepeat } from '@nightshift/patterns/retry-budget/never'
import { leaveItToDefaults } from '@nightshift/patterns/slow-clients/naive'
import { cutOffSlowClients } from '@nightshift/patterns/slow-clients/slow-clients'
import { askBrokers } from '@nightshift/runtime/kafka/ask-brokers'
import { consumerMetrics } from '@nightshift/runtime/kafka/consumer-metrics'
import { openKafkaProducer } from '@nightshift/runtime/kafka/producer'
import { runInBackground } from '@nightshift/runtime/process/background'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import { runLoop } from '@nightshift/runtime/process/loop'
import type { Opened, PoolToOpen, Serving } from '@nightshift/runtime/process/serve'
import { withPassword } from '@nightshift/runtime/process/with-password'
import type { Metrics } from '@nightshift/runtime/telemetry/metrics'
import { buildApp } from './app.ts'
import { type MailServer, openMailServer } from './clients/mail-server.ts'
import type { Config } from './config.ts'
import { consumeListingEvents } from './consumers/listing-events.ts'
import type { AdvertisedListing, Mail } from './domain/mail.ts'
import { matchAnnouncement } from './flows/match-announcement.ts'
import { saveAlert } from './flows/save-alert.ts'
import { sendMailsOnce } from './jobs/send-mails.ts'
import { limits } from './limits.ts'
import type { NotificationsLog } from './log-events.ts'
import { mailLinks } from './mail-links.ts'
import { countMails, createNotificationMetrics } from './metrics.ts'
import { confirmAddress, unsubscribeAddress } from './store/addresses.ts'
import { addressTransaction } from './store/alerts.ts'
import { listingEventTransaction, matchSlice, takeMatchingTurn } from './store/announcements.ts'
import { deliveryStore, oldestWaitingSeconds } from './store/deliveries.ts'
import { oldRowsJobs } from './store/old-rows-jobs.ts'

/** There are three pools, so that a flood of alerts takes no connections from events and mails. */
type PoolName = 'requests' | 'matching' | 'sending'

export function poolsOf(config: Config): Record<PoolName, PoolToOpen> {
  const url = withPassword(config.DATABASE_URL, config.DATABASE_PASSWORD)
  const name = 'notifications'
  return {
    requests: { url, name, limits: limits.requestPool },
    matching: { url, name, limits: limits.matchingPool },
    sending: { url, name, limits: limits.sendingPool },
  }
}

type Resources = Opened<PoolName> & { log: NotificationsLog; stop: AbortSignal }

/** Connects the whole service. Each switch chooses a pattern or its naive version. */
export async function compose(
  config: Config,
  { open, stop, log, metrics, pools }: Resources,
): Promise<Serving> {
  const { match, send } = limits
  const { requests, sending } = pools
  const [newest = '', ...older] = config.MAIL_LINK_SECRETS.split(',')
  const links = mailLinks(config.PUBLIC_URL, [newest, ...older])

  // Jobs. They end while requests are drained.
  const mailServer = open.adopt(openMailServer(config.SMTP_URL, limits.smtp), m => m.close())
  const mailMetrics = createNotificationMetrics(metrics.registry)
  const sendMails = {
    reconcile: reconcileDue,
    mail: {
      send: sendThrough(mailServer, config, log, metrics.registry),
      store: deliveryStore(sending, send),
      links,
      bounds: { attemptsMax: send.attemptsMax, copiesMax: send.copiesMax },
      retryAfterCapMs: send.retryAfterCapMs,
    },
    count: countMails(mailMetrics),
    turnsMax: send.turnsMax,
    concurrencyMax: send.concurrencyMax,
    roundMax: send.roundMax,
    log,
  }
  const matching = {
    takeTurn: () => takeMatchingTurn(pools.matching),
    matchSlice: (listing: AdvertisedListing, terms: readonly string[]) =>
      matchSlice(pools.matching, listing, terms, match.sliceMax),
  }
  const jobs = [
    {
      name: 'send-mails',
      runOnce: (signal: AbortSignal) => sendMailsOnce(sendMails, signal),
      batchMax: send.roundMax,
      idleMs: send.idleMs,
      failureBackoffCapMs: send.failureBackoffCapMs,
    },
    {
      // A job of its own: a round of sending may take minutes when the server is slow.
      name: 'show-oldest-mail',
      runOnce: async () => {
        mailMetrics.mailsOldestSeconds.set(await oldestWaitingSeconds(requests))
        return 0
      },
      batchMax: 1,
      idleMs: send.oldestEveryMs,
      failureBackoffCapMs: send.failureBackoffCapMs,
    },
    {
      name: 'match-announcements',
      runOnce: () => matchAnnouncement(matching),
      // One slice is a full round, so the next round begins at once while there are slices.
      batchMax: 1,
      idleMs: match.idleMs,
      failureBackoffCapMs: match.failureBackoffCapMs,
    },
    ...oldRowsJobs(pools.matching, limits.oldRows).map(job => ({
      ...job,
      failureBackoffCapMs: limits.oldRows.idleMs,
    })),
  ]
  const loops = jobs.map(job => (signal: AbortSignal) => runLoop({ ...job, log, signal }))
  runInBackground(open, loops, stop)

  // Consumer
  const { KAFKA_BROKERS: brokers, KAFKA_PREFIX: prefix } = config
  const { publish } = open.adopt(
    openKafkaProducer('notifications', brokers, prefix, log, stop),
    producer => producer.close(),
  )
  const remember = config.PATTERN_INBOX === 'on' ? rememberEvent : takeEveryEventForNew
  const policy =
    config.PATTERN_DEAD_LETTERS === 'on'
      ? retryThenDeadLetter({ service: 'notifications', publish, log })
      : retryForEver(log)
  const consumer = consumeListingEvents(
    { brokers, prefix, policy, log, metrics: consumerMetrics(metrics.registry), stopping: stop },
    { inOneTransaction: listingEventTransaction(pools.matching, remember) },
  )

  // Routes
  const save = {
    withAddress: addressTransaction(requests, limits.confirmationEveryMs),
    perAddressMax: limits.alertsPerAddressMax,
  }
  const app = await buildApp({
    readBudget: config.PATTERN_DEADLINE === 'on' ? callersBudget : ownBudget,
    entrance: openEntrance(config, { open, metrics }),
    slowClients: treatSlowClients(config, metrics),
    log,
    metrics,
    savingDoor: clientDoor({
      service: 'notifications',
      perSecond: config.ALERTS_PER_CLIENT_PER_SECOND,
      limits: limits.clients,
      isBehindProxy: config.BEHIND_PROXY === 'yes',
      metrics: rateLimitMetrics(metrics.registry),
    }),
    saveAlert: (newAlertId: string, request: SaveAlertRequest) =>
      saveAlert(save, newAlertId, request),
    readConfirm: links.readConfirm,
    readUnsubscribe: links.readUnsubscribe,
    confirm: (addressId, version) => confirmAddress(requests, addressId, version),
    unsubscribe: addressId => unsubscribeAddress(requests, addressId),
  })
  return {
    app,
    consumers: [consumer],
    dependencies: { kafka: askBrokers('notifications', brokers, log) },
    probes: config.PATTERN_HEALTH_CHECKS === 'on' ? askThisProcessOnly : askEveryDependency,
    leave: config.PATTERN_GRACEFUL_SHUTDOWN === 'on' ? drainFirst() : endAtOnce(),
  }
}

function treatSlowClients({ PATTERN_SLOW_CLIENTS: slow }: Config, { registry }: Metrics) {
  const treat = slow === 'on' ? cutOffSlowClients : leaveItToDefaults
  return treat(limits.http, registry)
}

/** Refuses requests that were read too late to be served in time. */
function openEntrance(
  { PATTERN_LOAD_SHEDDING: shedding }: Config,
  { open, metrics }: Pick<Resources, 'open' | 'metrics'>,
) {
  const choose = shedding === 'on' ? refuseWhileBehind : refuseNever
  return open.use(choose(limits.loop, metrics.registry))
}

const dependency = 'mail-server'

/**
 * Sends mails one try at a time: the job repeats them in later rounds. While the mail server is down
 * the breaker keeps the senders from waiting for it.
 */
function sendThrough(
  { send }: MailServer,
  config: Config,
  log: NotificationsLog,
  registry: Metrics['registry'],
) {
  const metrics = dependencyMetrics(registry)
  const openBreaker = breakerVersions[config.PATTERN_CIRCUIT_BREAKER]
  const call = outboundCall({
    dependency,
    limits: limits.send,
    retries: neverRepeat(),
    breaker: openBreaker(dependency, limits.smtp, log, metrics),
    bulkhead:
      config.PATTERN_BULKHEAD === 'on'
        ? bulkhead(limits.smtp.connectionsMax, bulkheadMetrics(registry).of(dependency))
        : noBulkhead(),
    log,
    metrics,
  })
  return (mail: Mail) =>
    call('mail-server send', deadlineIn(limits.send.attemptMs), perTry => send(mail, perTry))
}
