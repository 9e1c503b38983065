import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { ListingEvent } from '@nightshift/contracts/events'
import {
  type Backlog,
  backlogMetrics,
  boundedBacklog,
} from '@nightshift/patterns/bounded-backlog/bounded-backlog'
import { acceptEverything } from '@nightshift/patterns/bounded-backlog/naive'
import { circuitBreaker } from '@nightshift/patterns/circuit-breaker/circuit-breaker'
import { dependencyMetrics } from '@nightshift/patterns/circuit-breaker/metrics'
import { noBreaker } from '@nightshift/patterns/circuit-breaker/naive'
import { outboundCall } from '@nightshift/patterns/circuit-breaker/outbound-call'
import { retryThenDeadLetter } from '@nightshift/patterns/dead-letters/dead-letters'
import { retryForEver } from '@nightshift/patterns/dead-letters/naive'
import { idempotencyKeys } from '@nightshift/patterns/idempotency-key/idempotency-key'
import { ignoredIdempotencyKeys } from '@nightshift/patterns/idempotency-key/naive'
import { selectThenInsert } from '@nightshift/patterns/idempotency-key/select-then-insert'
import type { IdempotencyKeys } from '@nightshift/patterns/idempotency-key/types'
import { rememberEvent } from '@nightshift/patterns/inbox/inbox'
import { takeEveryEventForNew } from '@nightshift/patterns/inbox/naive'
import { outboxCrashPoints } from '@nightshift/patterns/outbox/crash-points'
import { outboxMetrics } from '@nightshift/patterns/outbox/metrics'
import { publishAfterCommit } from '@nightshift/patterns/outbox/naive'
import { outbox } from '@nightshift/patterns/outbox/outbox'
import { outboxRelay } from '@nightshift/patterns/outbox/relay'
import type { Outbox } from '@nightshift/patterns/outbox/types'
import { reconcileDue } from '@nightshift/patterns/reconciler/reconciler'
import { authenticateBy } from '@nightshift/runtime/http/authenticate'
import { openHttpClient } from '@nightshift/runtime/http/client'
import { consumerCrashPoints } from '@nightshift/runtime/kafka/consumer'
import { consumerMetrics } from '@nightshift/runtime/kafka/consumer-metrics'
import { openKafkaProducer } from '@nightshift/runtime/kafka/producer'
import { inTenantTransaction } from '@nightshift/runtime/postgres/postgres'
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
import { openRedis } from '@nightshift/runtime/redis/redis'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import type { Pool } from 'pg'
import { buildApp } from './app.ts'
import { payForPublication } from './clients/payments.ts'
import { Config } from './config.ts'
import { consumePaymentEvents } from './consumers/payment-events.ts'
import { listingsCrashPoints } from './crash-points.ts'
import { encodeCursor } from './domain/search-cursor.ts'
import type { FinishPublicationDeps } from './flows/publish-listing.ts'
import { searchResponse } from './http/listing-response.ts'
import { publicationAnswer } from './http/publication-answer.ts'
import { resumePublicationsOnce } from './jobs/resume-publications.ts'
import { limits } from './limits.ts'
import type { ListingsLog } from './log-events.ts'
import { askAgainLater } from './store/ask-again-later.ts'
import { claimPublication } from './store/claim-publication.ts'
import { findListing, findLiveListings, insertListing, type Page } from './store/listings.ts'
import { paymentEventTransaction } from './store/payment-event-transaction.ts'
import { countLeftOpen, takeDuePublication } from './store/publications.ts'
import { forgetSearches, searchThroughCache } from './store/search-cache.ts'
import { settlePublication } from './store/settle-publication.ts'

const topic = 'listings.v1'

/** What listings opens beside what every service has. */
async function start(
  config: Config,
  log: ListingsLog,
  stop: AbortSignal,
  { open, pools, metrics }: Opened<PoolName>,
): Promise<Serving> {
  const { requests, worker, search } = pools
  const redis = open.adopt(openRedis(config.REDIS_URL, limits.redis, log), r => r.disconnect())
  const { publish, announcements, keys, finish } = choosePatterns(config, {
    open,
    pools,
    metrics,
    log,
    stop,
  })
  const bound = {
    count: (max: number) => countLeftOpen(worker, max),
    max: limits.backlog.openMax,
    metrics: backlogMetrics(metrics.registry),
  }
  const backlog =
    config.PATTERN_BOUNDED_BACKLOG === 'on' ? boundedBacklog(bound) : acceptEverything(bound)
  startJobs(open, stop, announcements, { workerPool: worker, finish, backlog, log })
  const consumer = consumePaymentEvents(
    {
      brokers: config.KAFKA_BROKERS,
      prefix: config.KAFKA_PREFIX,
      policy:
        config.PATTERN_DEAD_LETTERS === 'on'
          ? retryThenDeadLetter({ service: 'listings', publish, log })
          : retryForEver(log),
      log,
      metrics: consumerMetrics(metrics.registry),
      stopping: stop,
    },
    {
      newId: randomUUID,
      now: () => new Date().toISOString(),
      inOneTransaction: paymentEventTransaction(
        {
          outbox: announcements,
          rememberEvent: config.PATTERN_INBOX === 'on' ? rememberEvent : takeEveryEventForNew,
          keys,
        },
        publicationAnswer,
      ),
      forgetSearches: () => forgetSearches(redis),
    },
  )
  const app = await buildApp({
    authenticate: authenticateBy(requests, config.API_KEY_PEPPER, limits.apiKeys),
    log,
    metrics,
    search: {
      pageDefault: limits.search.pageDefault,
      findPage: searchThroughCache(redis, limits.search.cacheMs, async wanted =>
        pageOf(await findLiveListings(search, wanted)),
      ),
    },
    insertListing: listing =>
      inTenantTransaction(requests, listing.tenantId, tx => insertListing(tx, listing)),
    findListing: (tenantId, listingId) =>
      inTenantTransaction(requests, tenantId, tx => findListing(tx, tenantId, listingId)),
    publishListing: {
      claim: claimPublication(requests, keys, backlog.isFull, limits.resume.firstCheckMs),
      beginMinMs: limits.beginMinMs,
      ...finish,
    },
  })
  return { app, consumers: [consumer] }
}

function pageOf({ listings, nextAfter }: Page): string {
  const cursor = nextAfter && encodeCursor(nextAfter)
  return JSON.stringify(searchResponse({ listings, nextAfter: cursor }))
}

/**
 * `requests`: for what is done on behalf of one tenant; each transaction names it, and sees its rows.
 * `worker`: for what is done for all of them, by the consumer and the jobs.
 * `search`: for the public search.
 */
type PoolName = 'requests' | 'worker' | 'search'

function poolsOf({ DATABASE_URL, WORKER_DATABASE_URL }: Config): Record<PoolName, PoolToOpen> {
  return {
    requests: { url: DATABASE_URL, name: 'listings', limits: limits.pool },
    worker: { url: WORKER_DATABASE_URL, name: 'listings-worker', limits: limits.workerPool },
    search: { url: WORKER_DATABASE_URL, name: 'listings-search', limits: limits.searchPool },
  }
}

type Resources = Opened<PoolName> & { log: ListingsLog; stop: AbortSignal }

/** Here the switches are decided: the pattern, or its naive version of the same type. */
function choosePatterns(config: Config, { open, pools, metrics, log, stop }: Resources) {
  const { requests, worker } = pools
  const { publish } = open.adopt(
    openKafkaProducer('listings', config.KAFKA_BROKERS, config.KAFKA_PREFIX, log, stop),
    producer => producer.close(),
  )
  const relay = {
    connectionString: config.RELAY_DATABASE_URL,
    publish,
    log,
    metrics: outboxMetrics(metrics.registry),
  }
  const announcements =
    config.PATTERN_OUTBOX === 'on'
      ? outbox<ListingEvent>(worker, topic, outboxRelay(relay))
      : publishAfterCommit<ListingEvent>(worker, topic, publish)
  const keys = chooseKeys(config)

  const http = open.adopt(openHttpClient(config.PAYMENTS_URL, limits.paymentsHttp), client =>
    client.close(),
  )
  const callMetrics = dependencyMetrics(metrics.registry)
  const breaker =
    config.PATTERN_CIRCUIT_BREAKER === 'on'
      ? circuitBreaker('payments', limits.payments, log, callMetrics)
      : noBreaker()
  const callPayments = outboundCall({
    dependency: 'payments',
    limits: limits.payments,
    breaker,
    log,
    metrics: callMetrics,
  })
  const { againBaseMs, againCapMs } = limits.resume
  const finish: FinishPublicationDeps = {
    pay: payForPublication(callPayments, http, config.PAYMENTS_SERVICE_KEY),
    settle: settlePublication(requests, keys, publicationAnswer),
    askAgainLater: askAgainLater(requests, keys, { baseMs: againBaseMs, capMs: againCapMs }),
  }
  return { publish, announcements, keys, finish }
}

function chooseKeys({ PATTERN_IDEMPOTENCY_KEY: variant }: Config): IdempotencyKeys {
  if (variant === 'naive') return ignoredIdempotencyKeys()
  return variant === 'select-then-insert' ? selectThenInsert() : idempotencyKeys(limits.keyLeaseMs)
}

/** The switches as they are here: what changes payments alone is on, and the log says so. */
function switchesHere(config: Config, log: ListingsLog): Config {
  const { PATTERN_IDEMPOTENCY_KEY: variant } = config
  if (variant !== 'claim-in-business-transaction' && variant !== 'cache-then-charge') return config
  log.info({ event: 'pattern.unaffected', switch: 'PATTERN_IDEMPOTENCY_KEY', variant })
  return { ...config, PATTERN_IDEMPOTENCY_KEY: 'on' }
}

/**
 * What happens without a request. The jobs end while requests are being drained; the relay ends after
 * those, because what they commit is to be published.
 */
function startJobs(
  open: AsyncDisposableStack,
  stop: AbortSignal,
  announcements: Pick<Outbox, 'run'>,
  {
    workerPool,
    finish,
    backlog,
    log,
  }: { workerPool: Pool; finish: FinishPublicationDeps; backlog: Backlog; log: ListingsLog },
): void {
  const { roundMax, idleMs, failureBackoffCapMs, concurrencyMax, leaseMs } = limits.resume
  const resumer = {
    reconcile: reconcileDue,
    takeDue: () => takeDuePublication(workerPool, leaseMs),
    finish,
    attemptBudgetMs: limits.http.requestBudgetMs,
    concurrencyMax,
    roundMax,
    log,
  }
  const loop = {
    name: 'resume-publications',
    runOnce: (signal: AbortSignal) => resumePublicationsOnce(resumer, signal),
    batchMax: roundMax,
    idleMs,
    failureBackoffCapMs,
    log,
  }
  const { lookMs } = limits.backlog
  const look = { ...loop, name: 'watch-backlog', runOnce: backlog.look, idleMs: lookMs }
  const tasks = [loop, look].map(each => (signal: AbortSignal) => runLoop({ ...each, signal }))
  runInBackground(open, [announcements.run])
  runInBackground(open, tasks, stop)
}

if (import.meta.main) {
  const log: ListingsLog = openLog('listings')
  await runService(log, limits.stopDeadlineMs, async stop => {
    const config = readConfig(Config, process.env)
    log.setLevel(config.LOG_LEVEL)
    warnOfNaivePatterns(switchesHere(config, log), log)
    await serve({
      name: 'listings',
      config,
      log,
      stop,
      crashPoints: [listingsCrashPoints, outboxCrashPoints, consumerCrashPoints],
      migrations: join(import.meta.dirname, '../migrations'),
      pools: poolsOf(config),
      start: opened => start(config, log, stop, opened),
    })
  })
}
