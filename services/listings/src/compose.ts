import { randomUUID } from 'node:crypto'
import type { ListingEvent } from '@nightshift/contracts/events'
import {
  backlogMetrics,
  boundedBacklog,
} from '@nightshift/patterns/bounded-backlog/bounded-backlog'
import { acceptEverything } from '@nightshift/patterns/bounded-backlog/naive'
import { retryThenDeadLetter } from '@nightshift/patterns/dead-letters/dead-letters'
import { retryForEver } from '@nightshift/patterns/dead-letters/naive'
import { callersBudget } from '@nightshift/patterns/deadline/deadline'
import { ownBudget } from '@nightshift/patterns/deadline/naive'
import { drainFirst } from '@nightshift/patterns/graceful-shutdown/graceful-shutdown'
import { endAtOnce } from '@nightshift/patterns/graceful-shutdown/naive'
import { askThisProcessOnly } from '@nightshift/patterns/health-checks/health-checks'
import { askEveryDependency } from '@nightshift/patterns/health-checks/naive'
import { idempotencyKeys } from '@nightshift/patterns/idempotency-key/idempotency-key'
import { ignoredIdempotencyKeys } from '@nightshift/patterns/idempotency-key/naive'
import type { IdempotencyKeys } from '@nightshift/patterns/idempotency-key/types'
import { selectThenInsert } from '@nightshift/patterns/idempotency-key/variants/select-then-insert'
import { rememberEvent } from '@nightshift/patterns/inbox/inbox'
import { takeEveryEventForNew } from '@nightshift/patterns/inbox/naive'
import { fencingNumber, leasedWork } from '@nightshift/patterns/lease/lease'
import { atTheDoor, type DoorOptions } from '@nightshift/patterns/load-shedding/door'
import { refuseWhileBehind } from '@nightshift/patterns/load-shedding/loop-lag'
import { beginEverything, noQueue, refuseNever } from '@nightshift/patterns/load-shedding/naive'
import { newestFirst, type QueueLimits } from '@nightshift/patterns/load-shedding/newest-first'
import { toldRate } from '@nightshift/patterns/load-shedding/told-rate'
import { whilePlaces } from '@nightshift/patterns/load-shedding/use-places'
import { lagAwareTimer } from '@nightshift/patterns/local-stall/local-stall'
import { bareTimer } from '@nightshift/patterns/local-stall/naive'
import { outboxMetrics } from '@nightshift/patterns/outbox/metrics'
import { publishAfterCommit } from '@nightshift/patterns/outbox/naive'
import { outbox } from '@nightshift/patterns/outbox/outbox'
import { outboxRelay } from '@nightshift/patterns/outbox/relay'
import { fixedWindows } from '@nightshift/patterns/rate-limit/naive'
import { limitInRedis } from '@nightshift/patterns/rate-limit/rate-limit'
import { tenantDoor } from '@nightshift/patterns/rate-limit/tenant-door'
import { reconcileDue } from '@nightshift/patterns/reconciler/reconciler'
import { leaveItToDefaults } from '@nightshift/patterns/slow-clients/naive'
import { cutOffSlowClients } from '@nightshift/patterns/slow-clients/slow-clients'
import { thirtySecondsEach } from '@nightshift/patterns/timeout-hierarchy/naive'
import { holdTimeouts } from '@nightshift/patterns/timeout-hierarchy/timeout-hierarchy'
import { openHttpClient } from '@nightshift/patterns/unknown-outcome/http-client'
import { readPeppers } from '@nightshift/runtime/http/api-keys'
import { authenticateBy } from '@nightshift/runtime/http/authenticate'
import { askBrokers } from '@nightshift/runtime/kafka/ask-brokers'
import { consumerMetrics } from '@nightshift/runtime/kafka/consumer-metrics'
import { openKafkaProducer } from '@nightshift/runtime/kafka/producer'
import { inTenantStatement, type Queryable } from '@nightshift/runtime/postgres/postgres'
import { runInBackground } from '@nightshift/runtime/process/background'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { type LoopOptions, runLoop } from '@nightshift/runtime/process/loop'
import type { Opened, PoolToOpen, Serving } from '@nightshift/runtime/process/serve'
import type { Turns } from '@nightshift/runtime/process/turns'
import { withPassword } from '@nightshift/runtime/process/with-password'
import { openRedis } from '@nightshift/runtime/redis/redis'
import type { Pool } from 'pg'
import { buildApp } from './app.ts'
import { payForPublication } from './clients/payments.ts'
import type { Config } from './config.ts'
import { consumePaymentEvents } from './consumers/payment-events.ts'
import { encodeCursor } from './domain/search-cursor.ts'
import { searchResponse } from './http/listing-response.ts'
import { resumePublicationsOnce } from './jobs/resume-publications.ts'
import { type Limits, limits as ownLimits, relations } from './limits.ts'
import type { ListingsLog } from './log-events.ts'
import { outboundCalls } from './outbound-calls.ts'
import { findListing, findLiveListings, insertListing, type Page } from './store/listings.ts'
import { oldRowsJobs } from './store/old-rows-jobs.ts'
import { paymentEventTransaction } from './store/payment-event-transaction.ts'
import { publicationsTable } from './store/publication-row.ts'
import { publicationStore } from './store/publication-store.ts'
import { countLeftOpen, takeDuePublication } from './store/publications.ts'
import { forgetSearches, searchThroughCache } from './store/search-cache.ts'

const topic = 'listings.v1'

/**
 * - `requests` works on behalf of one employer: each transaction sees only the rows of that
 *   employer.
 * - `worker` works for all employers: the consumer and the jobs.
 * - `search` serves the public search.
 */
type PoolName = 'requests' | 'worker' | 'search'

/**
 * The numbers to run with.
 * @throws ConfigError naming every relation that they break
 */
export function limitsOf({ PATTERN_TIMEOUT_HIERARCHY: hierarchy }: Config): Limits {
  const choose = hierarchy === 'on' ? holdTimeouts : thirtySecondsEach
  return choose<Limits>(ownLimits, relations)
}

export function poolsOf(config: Config, limits: Limits): Record<PoolName, PoolToOpen> {
  const requestsUrl = withPassword(config.DATABASE_URL, config.DATABASE_PASSWORD)
  const workerUrl = withPassword(config.WORKER_DATABASE_URL, config.WORKER_DATABASE_PASSWORD)
  const { workerPool, searchPool } = limits
  // Without the bulkhead, worker and search share one pool that has the connections of both.
  const sharedMax = workerPool.connectionsMax + searchPool.connectionsMax
  const connectionsMax = config.PATTERN_BULKHEAD === 'on' ? workerPool.connectionsMax : sharedMax
  const worker = { ...workerPool, connectionsMax }
  return {
    requests: { url: requestsUrl, name: 'listings', limits: limits.pool },
    worker: { url: workerUrl, name: 'listings-worker', limits: worker },
    search: { url: workerUrl, name: 'listings-search', limits: limits.searchPool },
  }
}

/** The relay of the outbox has a connection of its own. */
export function relayUrlOf(config: Config): string {
  return withPassword(config.RELAY_DATABASE_URL, config.RELAY_DATABASE_PASSWORD)
}

type Resources = Opened<PoolName> & { limits: Limits; log: ListingsLog; stop: AbortSignal }

/** Connects the whole service. Each switch chooses a pattern or its naive version. */
export async function compose(config: Config, resources: Resources): Promise<Serving> {
  const { open, stop, limits, log, metrics, pools } = resources
  const { registry } = metrics
  const { resume } = limits
  const { requests, worker } = pools
  const redis = open.adopt(openRedis(redisUrlOf(config), limits.redis, log), r => r.disconnect())

  // Patterns
  const { publish } = open.adopt(
    openKafkaProducer('listings', config.KAFKA_BROKERS, config.KAFKA_PREFIX, log, stop),
    producer => producer.close(),
  )
  const events = openOutbox(config, resources, publish)
  const remember = config.PATTERN_INBOX === 'on' ? rememberEvent : takeEveryEventForNew
  const keys = chooseKeys(config, limits)
  const work = leasedWork(fencingNumber, publicationsTable)
  const backlog = openBacklog(config, resources)
  const begin = openQueue(config, limits.beginnings)
  const forTenant = tenantWork(begin, requests)
  const admission =
    config.PATTERN_LOAD_SHEDDING === 'on' ? toldRate(limits.admission) : beginEverything()
  const failurePolicy =
    config.PATTERN_DEAD_LETTERS === 'on'
      ? retryThenDeadLetter({ service: 'listings', publish, log })
      : retryForEver(log)

  // Flows
  const timer = config.PATTERN_LOCAL_STALL === 'on' ? lagAwareTimer : bareTimer
  const payments = openHttpClient(config.PAYMENTS_URL, limits.paymentsHttp, timer)
  const http = open.adopt(payments, client => client.close())
  const calls = outboundCalls(config, limits, log, registry)
  const cache = { redis, call: calls.redis, budgetMs: limits.redis.attemptMs }
  const toPayments = { http, serviceKey: config.PAYMENTS_SERVICE_KEY, admission }
  const tenants = openTenantLimits(config, resources)
  const finish = {
    noteSettled: tenants.settled,
    pay: payForPublication(toPayments, calls.paymentsForRequests),
    store: publicationStore({
      pool: requests,
      keys,
      work,
      isBacklogFull: backlog.isFull,
      beginInTurn: begin,
      limits: {
        firstCheckMs: resume.firstCheckMs,
        backoff: { baseMs: resume.againBaseMs, capMs: resume.againCapMs },
      },
    }),
  }

  // Jobs. They end while requests are drained. The relay ends last, to publish the last events.
  const noteSettledLater: typeof tenants.settled = (tenantId, status) => {
    backlog.noteFinished()
    tenants.settled(tenantId, status)
  }
  const payInJob = payForPublication(toPayments, calls.paymentsForJob)
  const resumer = {
    reconcile: reconcileDue,
    takeDue: whilePlaces(admission, () => takeDuePublication(worker, work, resume.leaseMs)),
    finish: { ...finish, pay: payInJob, noteSettled: noteSettledLater },
    attemptBudgetMs: limits.http.requestBudgetMs,
    concurrencyMax: resume.concurrencyMax,
    roundMax: resume.roundMax,
    log,
  }
  runInBackground(open, [events.run])
  runJobs(resources, [
    { name: 'resume-publications', runOnce: signal => resumePublicationsOnce(resumer, signal) },
    { name: 'watch-backlog', runOnce: backlog.look, idleMs: limits.backlog.lookMs },
    ...oldRowsJobs(worker, limits.oldRows),
  ])

  // Consumer
  const { KAFKA_BROKERS: brokers, KAFKA_PREFIX: prefix } = config
  const consumer = consumePaymentEvents(
    {
      brokers,
      prefix,
      policy: failurePolicy,
      log,
      metrics: consumerMetrics(registry),
      stopping: stop,
    },
    {
      newId: randomUUID,
      now: () => new Date().toISOString(),
      inTransaction: paymentEventTransaction({
        outbox: events,
        rememberEvent: remember,
        keys,
        work,
      }),
      forgetSearches: () => forgetSearches(cache),
      noteSettled: noteSettledLater,
    },
  )

  // Routes
  const app = await buildApp({
    readBudget: config.PATTERN_DEADLINE === 'on' ? callersBudget : ownBudget,
    entrance: openEntrance(config, resources),
    slowClients: treatSlowClients(config, resources),
    authenticate: authenticateBy(requests, readPeppers(config.API_KEY_PEPPER), limits.apiKeys),
    httpLimits: limits.http,
    log,
    metrics,
    search: openSearch(config, resources, cache),
    insertListing: (listing, deadline) =>
      forTenant(listing.tenantId, tx => insertListing(tx, listing), deadline),
    findListing: (tenantId, listingId, deadline) =>
      forTenant(tenantId, tx => findListing(tx, tenantId, listingId), deadline),
    publishListing: {
      ...finish,
      beginMinMs: limits.beginMinMs,
      noteLeftOpen: backlog.noteLeftOpen,
    },
    publishingDoor: tenants.behind(openDoor({ admission, limits: limits.door, registry })),
  })
  return {
    app,
    consumers: [consumer],
    dependencies: { kafka: askBrokers('listings', brokers, log), redis: () => redis.ping() },
    probes: config.PATTERN_HEALTH_CHECKS === 'on' ? askThisProcessOnly : askEveryDependency,
    leave: config.PATTERN_GRACEFUL_SHUTDOWN === 'on' ? drainFirst() : endAtOnce(),
  }
}

function openOutbox(
  config: Config,
  { log, metrics, pools: { worker } }: Resources,
  publish: ReturnType<typeof openKafkaProducer>['publish'],
) {
  if (config.PATTERN_OUTBOX === 'naive') {
    return publishAfterCommit<ListingEvent>(worker, topic, publish)
  }
  const relay = {
    connectionString: relayUrlOf(config),
    publish,
    log,
    metrics: outboxMetrics(metrics.registry),
  }
  return outbox<ListingEvent>(worker, topic, outboxRelay(relay))
}

function treatSlowClients({ PATTERN_SLOW_CLIENTS: slow }: Config, { limits, metrics }: Resources) {
  const treat = slow === 'on' ? cutOffSlowClients : leaveItToDefaults
  return treat(limits.http, metrics.registry)
}

/** Refuses requests that were read too late to be served in time. */
function openEntrance(
  { PATTERN_LOAD_SHEDDING: shedding }: Config,
  { open, limits, metrics }: Resources,
) {
  const choose = shedding === 'on' ? refuseWhileBehind : refuseNever
  return open.use(choose(limits.loop, metrics.registry))
}

/** The statements of requests, each of which waits for its turn. */
function tenantWork(begin: Turns, pool: Pool) {
  return <T>(tenantId: string, work: (tx: Queryable) => Promise<T>, deadline: Deadline) =>
    begin(() => inTenantStatement(pool, tenantId, work, deadline))
}

/** The public search, through its cache. */
function openSearch(
  config: Config,
  { limits, pools }: Resources,
  cache: Parameters<typeof searchThroughCache>[0],
) {
  const { pageDefault, cacheMs } = limits.search
  const pool = config.PATTERN_BULKHEAD === 'on' ? pools.search : pools.worker
  const findPage = searchThroughCache(cache, cacheMs, async query =>
    pageOf(await findLiveListings(pool, query)),
  )
  return { pageDefault, findPage }
}

/** Bounds the wait of requests for a connection. */
function openQueue({ PATTERN_LOAD_SHEDDING: shedding }: Config, queue: QueueLimits): Turns {
  return shedding === 'on' ? newestFirst(queue) : noQueue()
}

/** Lets in as many publications as payments says that it takes. */
function openDoor(door: Pick<DoorOptions, 'admission' | 'limits' | 'registry'>) {
  return atTheDoor({ dependency: 'payments', ...door })
}

function redisUrlOf({ REDIS_URL, REDIS_PASSWORD }: Config): string {
  return withPassword(REDIS_URL, REDIS_PASSWORD)
}

/** The limits of each tenant. Their Redis client is not that of a cache, whose waits are others. */
function openTenantLimits(config: Config, { open, limits, log, metrics }: Resources) {
  const { tenants } = limits
  const redis = open.adopt(openRedis(redisUrlOf(config), tenants, log), each => each.disconnect())
  return tenantDoor({
    service: 'listings',
    perSecond: config.PUBLICATIONS_PER_TENANT_PER_SECOND,
    numbers: tenants,
    inRedis:
      config.PATTERN_RATE_LIMIT === 'on'
        ? limitInRedis(redis, tenants.bucketsMax)
        : fixedWindows(redis),
    registry: metrics.registry,
  })
}

/** The work that requests have left open, which the job has to finish in time. */
function openBacklog(
  { PATTERN_BOUNDED_BACKLOG: bounded }: Config,
  { limits, metrics, pools }: Resources,
) {
  const bound = {
    count: (max: number) => countLeftOpen(pools.worker, max),
    limits: limits.backlog,
    metrics: backlogMetrics(metrics.registry),
  }
  return bounded === 'on' ? boundedBacklog(bound) : acceptEverything(bound)
}

function pageOf({ listings, nextAfter }: Page): string {
  const cursor = nextAfter && encodeCursor(nextAfter)
  return JSON.stringify(searchResponse({ listings, nextAfter: cursor }))
}

function chooseKeys(
  { PATTERN_IDEMPOTENCY_KEY: variant }: Config,
  { keyLeaseMs }: Limits,
): IdempotencyKeys {
  if (variant === 'naive') return ignoredIdempotencyKeys()
  if (variant === 'select-then-insert') return selectThenInsert()
  return idempotencyKeys({ subjects: publicationsTable, leaseMs: keyLeaseMs })
}

type Job = Pick<LoopOptions, 'name' | 'runOnce'> & Partial<Pick<LoopOptions, 'batchMax' | 'idleMs'>>

function runJobs({ open, stop, limits, log }: Resources, jobs: readonly Job[]): void {
  const { roundMax: batchMax, idleMs, failureBackoffCapMs } = limits.resume
  const loops = jobs.map(job => (signal: AbortSignal) => {
    return runLoop({ batchMax, idleMs, failureBackoffCapMs, log, signal, ...job })
  })
  runInBackground(open, loops, stop)
}
