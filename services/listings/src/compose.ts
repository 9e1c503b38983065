import { randomUUID } from 'node:crypto'
import { watchBacklog } from '@nightshift/patterns/bounded-backlog/bounded-backlog'
import { dependency } from '@nightshift/patterns/circuit-breaker/call-dependency'
import { idempotencyKeys } from '@nightshift/patterns/idempotency-key/idempotency-key'
import { ignoredIdempotencyKeys } from '@nightshift/patterns/idempotency-key/naive'
import type { IdempotencyKeys } from '@nightshift/patterns/idempotency-key/types'
import { selectThenInsert } from '@nightshift/patterns/idempotency-key/variants/select-then-insert'
import { fencingNumber, leasedWork } from '@nightshift/patterns/lease/lease'
import { publishAfterCommit } from '@nightshift/patterns/outbox/naive'
import { outbox } from '@nightshift/patterns/outbox/outbox'
import { outboxRelay } from '@nightshift/patterns/outbox/relay'
import { reconcileDue } from '@nightshift/patterns/reconciler/reconciler'
import { openHttpClient } from '@nightshift/patterns/unknown-outcome/http-client'
import { authenticateBy } from '@nightshift/runtime/http/authenticate'
import type { RunningConsumer } from '@nightshift/runtime/kafka/consumer'
import { openKafkaProducer } from '@nightshift/runtime/kafka/producer'
import { inTenantTransaction } from '@nightshift/runtime/postgres/postgres'
import { runInBackground } from '@nightshift/runtime/process/background'
import { type LoopOptions, runLoop } from '@nightshift/runtime/process/loop'
import { openRedis } from '@nightshift/runtime/redis/redis'
import type { Log } from '@nightshift/runtime/telemetry/logger'
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
import { findListing, findLiveListings, insertListing, type Page } from './store/listings.ts'
import { paymentEventTransaction } from './store/payment-event-transaction.ts'
import { publicationsTable } from './store/publication-row.ts'
import { publicationStore } from './store/publication-store.ts'
import { countLeftOpen, takeDuePublication } from './store/publications.ts'
import { forgetSearches, searchThroughCache } from './store/search-cache.ts'

const topic = 'listings.v1'

/** What main has opened. Everything that is opened here closes with `open`. */
export type Resources = {
  open: AsyncDisposableStack
  stop: AbortSignal
  log: Log
  metrics: Metrics
  /** For requests on behalf of one employer: each transaction sees its rows only. */
  pool: Pool
  /** For what works for all employers: the consumer and the jobs. */
  workerPool: Pool
  /** For the public search. */
  searchPool: Pool
}

/** The whole service: each pattern or its naive version by its switch, and what is connected to what. */
export async function compose(
  config: Config,
  { open, stop, log, metrics, pool, workerPool, searchPool }: Resources,
) {
  const { resume, backlog: backlogLimits, search } = limits
  const now = () => new Date().toISOString()
  const redis = open.adopt(openRedis(config.REDIS_URL, limits.redis, log), r => r.disconnect())

  // Patterns
  const { publish } = open.adopt(
    openKafkaProducer('listings', config.KAFKA_BROKERS, config.KAFKA_PREFIX, log, stop),
    producer => producer.close(),
  )
  const connectionString = config.RELAY_DATABASE_URL
  const events =
    config.PATTERN_OUTBOX === 'on'
      ? outbox(workerPool, () => topic, outboxRelay({ connectionString, publish, log, metrics }))
      : publishAfterCommit(workerPool, () => topic, publish)
  const keys = chooseKeys(config)
  const work = leasedWork(fencingNumber, publicationsTable)
  const backlog = watchBacklog(
    max => countLeftOpen(workerPool, max),
    backlogLimits.openMax,
    metrics.backlogOpen,
  )

  // Flows
  const http = open.adopt(openHttpClient(config.PAYMENTS_URL, limits.paymentsHttp), client =>
    client.close(),
  )
  const callPayments = dependency('payments', limits.payments, log, metrics)
  const finish = {
    pay: payForPublication(callPayments, http, config.PAYMENTS_SERVICE_KEY),
    store: publicationStore({
      pool,
      keys,
      work,
      isBacklogFull: backlog.isFull,
      limits: {
        firstCheckMs: resume.firstCheckMs,
        backoff: { baseMs: resume.againBaseMs, capMs: resume.againCapMs },
      },
    }),
  }

  // Jobs. They end while requests are drained; the relay ends after those, to publish what they commit.
  const resumer = {
    reconcile: reconcileDue,
    takeDue: () => takeDuePublication(workerPool, work, resume.leaseMs),
    finish,
    attemptBudgetMs: limits.http.requestBudgetMs,
    concurrencyMax: resume.concurrencyMax,
    roundMax: resume.roundMax,
    log,
  }
  runInBackground(open, [events.run])
  runJobs(open, stop, log, [
    { name: 'resume-publications', runOnce: signal => resumePublicationsOnce(resumer, signal) },
    { name: 'watch-backlog', runOnce: backlog.look, idleMs: backlogLimits.lookMs },
  ])

  // Consumer
  const { KAFKA_BROKERS: brokers, KAFKA_PREFIX: prefix } = config
  const consumer = consumePaymentEvents(
    { brokers, prefix, publish, log, metrics, stopping: stop },
    {
      newId: randomUUID,
      now,
      inTransaction: paymentEventTransaction(events, keys, work),
      forgetSearches: () => forgetSearches(redis),
    },
  )
  open.defer(() => consumer.close())
  const consumers: RunningConsumer[] = [consumer]

  // Routes
  const app = await buildApp({
    authenticate: authenticateBy(pool, config.API_KEY_PEPPER, limits.apiKeys),
    log,
    metrics,
    search: {
      pageDefault: search.pageDefault,
      findPage: searchThroughCache(redis, search.cacheMs, async wanted =>
        pageOf(await findLiveListings(searchPool, wanted)),
      ),
    },
    insertListing: listing =>
      inTenantTransaction(pool, listing.tenantId, tx => insertListing(tx, listing)),
    findListing: (tenantId, listingId) =>
      inTenantTransaction(pool, tenantId, tx => findListing(tx, tenantId, listingId)),
    publishListing: { ...finish, beginMinMs: limits.beginMinMs },
  })
  return { app, consumers }
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
  log: Log,
  jobs: readonly Job[],
): void {
  const { roundMax: batchMax, idleMs, failureBackoffCapMs } = limits.resume
  const loops = jobs.map(job => (signal: AbortSignal) => {
    return runLoop({ batchMax, idleMs, failureBackoffCapMs, log, signal, ...job })
  })
  runInBackground(open, loops, stop)
}
