import { randomUUID } from 'node:crypto'
import type { ListingEvent } from '@nightshift/contracts/events'
import {
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
import { drainFirst } from '@nightshift/patterns/graceful-shutdown/graceful-shutdown'
import { endAtOnce } from '@nightshift/patterns/graceful-shutdown/naive'
import { idempotencyKeys } from '@nightshift/patterns/idempotency-key/idempotency-key'
import { ignoredIdempotencyKeys } from '@nightshift/patterns/idempotency-key/naive'
import type { IdempotencyKeys } from '@nightshift/patterns/idempotency-key/types'
import { selectThenInsert } from '@nightshift/patterns/idempotency-key/variants/select-then-insert'
import { rememberEvent } from '@nightshift/patterns/inbox/inbox'
import { takeEveryEventForNew } from '@nightshift/patterns/inbox/naive'
import { fencingNumber, leasedWork } from '@nightshift/patterns/lease/lease'
import { atTheDoor } from '@nightshift/patterns/load-shedding/door'
import { beginEverything } from '@nightshift/patterns/load-shedding/naive'
import { toldRate } from '@nightshift/patterns/load-shedding/told-rate'
import { whilePlaces } from '@nightshift/patterns/load-shedding/use-places'
import { outboxMetrics } from '@nightshift/patterns/outbox/metrics'
import { publishAfterCommit } from '@nightshift/patterns/outbox/naive'
import { outbox } from '@nightshift/patterns/outbox/outbox'
import { outboxRelay } from '@nightshift/patterns/outbox/relay'
import { reconcileDue } from '@nightshift/patterns/reconciler/reconciler'
import { openHttpClient } from '@nightshift/patterns/unknown-outcome/http-client'
import { authenticateBy } from '@nightshift/runtime/http/authenticate'
import { consumerMetrics } from '@nightshift/runtime/kafka/consumer-metrics'
import { openKafkaProducer } from '@nightshift/runtime/kafka/producer'
import { inTenantTransaction } from '@nightshift/runtime/postgres/postgres'
import { runInBackground } from '@nightshift/runtime/process/background'
import { type LoopOptions, runLoop } from '@nightshift/runtime/process/loop'
import type { Opened, PoolToOpen, Serving } from '@nightshift/runtime/process/serve'
import { openRedis } from '@nightshift/runtime/redis/redis'
import type { Metrics } from '@nightshift/runtime/telemetry/metrics'
import type { Pool } from 'pg'
import { buildApp } from './app.ts'
import { payForPublication } from './clients/payments.ts'
import type { Config } from './config.ts'
import { consumePaymentEvents } from './consumers/payment-events.ts'
import { encodeCursor } from './domain/search-cursor.ts'
import { searchResponse } from './http/listing-response.ts'
import { resumePublicationsOnce } from './jobs/resume-publications.ts'
import { limits } from './limits.ts'
import type { ListingsLog } from './log-events.ts'
import { findListing, findLiveListings, insertListing, type Page } from './store/listings.ts'
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

export function poolsOf({
  DATABASE_URL,
  WORKER_DATABASE_URL,
}: Config): Record<PoolName, PoolToOpen> {
  return {
    requests: { url: DATABASE_URL, name: 'listings', limits: limits.pool },
    worker: { url: WORKER_DATABASE_URL, name: 'listings-worker', limits: limits.workerPool },
    search: { url: WORKER_DATABASE_URL, name: 'listings-search', limits: limits.searchPool },
  }
}

type Resources = Opened<PoolName> & { log: ListingsLog; stop: AbortSignal }

/** Connects the whole service. Each switch chooses a pattern or its naive version. */
export async function compose(
  config: Config,
  { open, stop, log, metrics: { registry }, metrics, pools }: Resources,
): Promise<Serving> {
  const { resume, search } = limits
  const { requests, worker } = pools
  const now = () => new Date().toISOString()
  const redis = open.adopt(openRedis(config.REDIS_URL, limits.redis, log), r => r.disconnect())

  // Patterns
  const { publish } = open.adopt(
    openKafkaProducer('listings', config.KAFKA_BROKERS, config.KAFKA_PREFIX, log, stop),
    producer => producer.close(),
  )
  const relay = {
    connectionString: config.RELAY_DATABASE_URL,
    publish,
    log,
    metrics: outboxMetrics(registry),
  }
  const events =
    config.PATTERN_OUTBOX === 'on'
      ? outbox<ListingEvent>(worker, topic, outboxRelay(relay))
      : publishAfterCommit<ListingEvent>(worker, topic, publish)
  const remember = config.PATTERN_INBOX === 'on' ? rememberEvent : takeEveryEventForNew
  const keys = chooseKeys(config)
  const work = leasedWork(fencingNumber, publicationsTable)
  const backlog = openBacklog(config, worker, registry)
  const admission =
    config.PATTERN_LOAD_SHEDDING === 'on' ? toldRate(limits.admission) : beginEverything()
  const callMetrics = dependencyMetrics(registry)
  const breaker =
    config.PATTERN_CIRCUIT_BREAKER === 'on'
      ? circuitBreaker('payments', limits.payments, log, callMetrics)
      : noBreaker()
  const failurePolicy =
    config.PATTERN_DEAD_LETTERS === 'on'
      ? retryThenDeadLetter({ service: 'listings', publish, log })
      : retryForEver(log)

  // Flows
  const http = open.adopt(openHttpClient(config.PAYMENTS_URL, limits.paymentsHttp), client =>
    client.close(),
  )
  const callPayments = outboundCall({
    dependency: 'payments',
    limits: limits.payments,
    breaker,
    log,
    metrics: callMetrics,
  })
  const finish = {
    pay: payForPublication(callPayments, http, config.PAYMENTS_SERVICE_KEY, admission),
    store: publicationStore({
      pool: requests,
      keys,
      work,
      isBacklogFull: backlog.isFull,
      limits: {
        firstCheckMs: resume.firstCheckMs,
        backoff: { baseMs: resume.againBaseMs, capMs: resume.againCapMs },
      },
    }),
  }

  // Jobs. They end while requests are drained. The relay ends last, to publish the last events.
  const resumer = {
    reconcile: reconcileDue,
    takeDue: whilePlaces(admission, () => takeDuePublication(worker, work, resume.leaseMs)),
    finish,
    attemptBudgetMs: limits.http.requestBudgetMs,
    concurrencyMax: resume.concurrencyMax,
    roundMax: resume.roundMax,
    log,
  }
  runInBackground(open, [events.run])
  runJobs(open, stop, log, [
    { name: 'resume-publications', runOnce: signal => resumePublicationsOnce(resumer, signal) },
    { name: 'watch-backlog', runOnce: backlog.look, idleMs: limits.backlog.lookMs },
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
      now,
      inTransaction: paymentEventTransaction({
        outbox: events,
        rememberEvent: remember,
        keys,
        work,
      }),
      forgetSearches: () => forgetSearches(redis),
    },
  )

  // Routes
  const app = await buildApp({
    authenticate: authenticateBy(requests, config.API_KEY_PEPPER, limits.apiKeys),
    log,
    metrics,
    search: {
      pageDefault: search.pageDefault,
      findPage: searchThroughCache(redis, search.cacheMs, async query =>
        pageOf(await findLiveListings(pools.search, query)),
      ),
    },
    insertListing: listing =>
      inTenantTransaction(requests, listing.tenantId, tx => insertListing(tx, listing)),
    findListing: (tenantId, listingId) =>
      inTenantTransaction(requests, tenantId, tx => findListing(tx, tenantId, listingId)),
    publishListing: { ...finish, beginMinMs: limits.beginMinMs },
    publishingDoor: atTheDoor({
      dependency: 'payments',
      admission,
      limits: limits.shares,
      registry,
    }),
  })
  const leave = config.PATTERN_GRACEFUL_SHUTDOWN === 'on' ? drainFirst() : endAtOnce()
  return { app, consumers: [consumer], leave }
}

/** The work that requests have left open, which the job has to finish in time. */
function openBacklog(
  { PATTERN_BOUNDED_BACKLOG: bounded }: Config,
  worker: Pool,
  registry: Metrics['registry'],
) {
  const bound = {
    count: (max: number) => countLeftOpen(worker, max),
    max: limits.backlog.openMax,
    metrics: backlogMetrics(registry),
  }
  return bounded === 'on' ? boundedBacklog(bound) : acceptEverything(bound)
}

function pageOf({ listings, nextAfter }: Page): string {
  const cursor = nextAfter && encodeCursor(nextAfter)
  return JSON.stringify(searchResponse({ listings, nextAfter: cursor }))
}

function chooseKeys({ PATTERN_IDEMPOTENCY_KEY: variant }: Config): IdempotencyKeys {
  if (variant === 'naive') return ignoredIdempotencyKeys()
  if (variant === 'select-then-insert') return selectThenInsert()
  return idempotencyKeys({ subjects: publicationsTable, leaseMs: limits.keyLeaseMs })
}

type Job = Pick<LoopOptions, 'name' | 'runOnce'> & Partial<Pick<LoopOptions, 'idleMs'>>

function runJobs(
  open: AsyncDisposableStack,
  stop: AbortSignal,
  log: ListingsLog,
  jobs: readonly Job[],
): void {
  const { roundMax: batchMax, idleMs, failureBackoffCapMs } = limits.resume
  const loops = jobs.map(job => (signal: AbortSignal) => {
    return runLoop({ batchMax, idleMs, failureBackoffCapMs, log, signal, ...job })
  })
  runInBackground(open, loops, stop)
}
