import { randomUUID } from 'node:crypto'
import {
  backlogMetrics,
  boundedBacklog,
} from '@nightshift/patterns/bounded-backlog/bounded-backlog'
import { acceptEverything } from '@nightshift/patterns/bounded-backlog/naive'
import { callersBudget } from '@nightshift/patterns/deadline/deadline'
import { ownBudget } from '@nightshift/patterns/deadline/naive'
import { commitIntentFirst } from '@nightshift/patterns/durable-refund/durable-refund'
import { callThenRecord } from '@nightshift/patterns/durable-refund/naive'
import { drainFirst } from '@nightshift/patterns/graceful-shutdown/graceful-shutdown'
import { endAtOnce } from '@nightshift/patterns/graceful-shutdown/naive'
import { askThisProcessOnly } from '@nightshift/patterns/health-checks/health-checks'
import { askEveryDependency } from '@nightshift/patterns/health-checks/naive'
import { idempotencyKeys } from '@nightshift/patterns/idempotency-key/idempotency-key'
import { ignoredIdempotencyKeys } from '@nightshift/patterns/idempotency-key/naive'
import { cacheThenCharge } from '@nightshift/patterns/idempotency-key/variants/cache-then-charge'
import { selectThenInsert } from '@nightshift/patterns/idempotency-key/variants/select-then-insert'
import { fencingNumber, leasedWork } from '@nightshift/patterns/lease/lease'
import { timeOnly } from '@nightshift/patterns/lease/naive'
import { atTheDoor, type DoorOptions } from '@nightshift/patterns/load-shedding/door'
import { learnedRate } from '@nightshift/patterns/load-shedding/load-shedding'
import { refuseWhileBehind } from '@nightshift/patterns/load-shedding/loop-lag'
import { beginEverything, refuseNever } from '@nightshift/patterns/load-shedding/naive'
import { whilePlaces } from '@nightshift/patterns/load-shedding/use-places'
import { oneByOne } from '@nightshift/patterns/natural-batching/naive'
import { naturalBatching } from '@nightshift/patterns/natural-batching/natural-batching'
import { outboxMetrics } from '@nightshift/patterns/outbox/metrics'
import { publishAfterCommit } from '@nightshift/patterns/outbox/naive'
import { outbox } from '@nightshift/patterns/outbox/outbox'
import { outboxRelay } from '@nightshift/patterns/outbox/relay'
import { fixedWindows } from '@nightshift/patterns/rate-limit/naive'
import { limitInRedis } from '@nightshift/patterns/rate-limit/rate-limit'
import { tenantDoor } from '@nightshift/patterns/rate-limit/tenant-door'
import { leaveItToClients } from '@nightshift/patterns/reconciler/naive'
import { reconcileDue } from '@nightshift/patterns/reconciler/reconciler'
import { leaveItToDefaults } from '@nightshift/patterns/slow-clients/naive'
import { cutOffSlowClients } from '@nightshift/patterns/slow-clients/slow-clients'
import { thirtySecondsEach } from '@nightshift/patterns/timeout-hierarchy/naive'
import { holdTimeouts } from '@nightshift/patterns/timeout-hierarchy/timeout-hierarchy'
import { callItFailed } from '@nightshift/patterns/unknown-outcome/naive'
import { concludeFromAnswers } from '@nightshift/patterns/unknown-outcome/unknown-outcome'
import { applyWebhookDirectly } from '@nightshift/patterns/webhook-hint/naive'
import { recordAndRecheck } from '@nightshift/patterns/webhook-hint/webhook-hint'
import { readPeppers } from '@nightshift/runtime/http/api-keys'
import { authenticateBy } from '@nightshift/runtime/http/authenticate'
import { askBrokers } from '@nightshift/runtime/kafka/ask-brokers'
import { openKafkaProducer } from '@nightshift/runtime/kafka/producer'
import {
  inTenantSnapshot,
  inTenantStatement,
  inTenantTransaction,
  type Transaction,
} from '@nightshift/runtime/postgres/postgres'
import { runInBackground } from '@nightshift/runtime/process/background'
import { type LoopOptions, runLoop } from '@nightshift/runtime/process/loop'
import type { Opened, PoolToOpen, Serving } from '@nightshift/runtime/process/serve'
import { withPassword } from '@nightshift/runtime/process/with-password'
import { openRedis } from '@nightshift/runtime/redis/redis'
import type { Pool } from 'pg'
import { type AppDeps, buildApp } from './app.ts'
import type { Config } from './config.ts'
import { processRefundsOnce } from './jobs/process-refunds.ts'
import { reconcilePaymentsOnce } from './jobs/reconcile-payments.ts'
import { type Limits, limits as ownLimits, relations } from './limits.ts'
import type { PaymentsLog } from './log-events.ts'
import { createPaymentMetrics } from './metrics.ts'
import { openProvider } from './open-provider.ts'
import { statementLinesJob } from './store/add-statement-lines.ts'
import { applyWebhook } from './store/apply-webhook.ts'
import { findPayments } from './store/list-payments.ts'
import { oldRowsJobs } from './store/old-rows-jobs.ts'
import { paymentsTable } from './store/payment-row.ts'
import { type PaymentStoreOptions, paymentStore } from './store/payment-store.ts'
import { countLeftOpen, findPayment, oldestOpenSeconds, takeDuePayments } from './store/payments.ts'
import { paymentsInOneTransaction, paymentsInSteps } from './store/payments-in-steps.ts'
import { refundsTable } from './store/refund-row.ts'
import { refundStore } from './store/refund-store.ts'
import { findRefundsOf, oldestRefundSeconds, takeDueRefund } from './store/refunds.ts'
import { requestCaptureOrVoid } from './store/request-capture-or-void.ts'
import { readStatementPage } from './store/statements.ts'
import { webhookStore } from './store/webhook-store.ts'

const topic = 'payments.v1'

/**
 * - `requests` works on behalf of one employer: each transaction sees only the rows of that
 *   employer.
 * - `worker` works for all employers: the phases of payments, the jobs, the webhooks.
 * - `lookUps` finds out why a key could not be claimed.
 */
type PoolName = 'requests' | 'worker' | 'lookUps'

/**
 * The numbers to run with.
 * @throws ConfigError naming every relation that they break
 */
export function limitsOf({ PATTERN_TIMEOUT_HIERARCHY: hierarchy }: Config): Limits {
  const choose = hierarchy === 'on' ? holdTimeouts : thirtySecondsEach
  return choose<Limits>(ownLimits, relations)
}

export function poolsOf(config: Config, limits: Limits): Record<PoolName, PoolToOpen> {
  const requests = withPassword(config.DATABASE_URL, config.DATABASE_PASSWORD)
  const worker = withPassword(config.WORKER_DATABASE_URL, config.WORKER_DATABASE_PASSWORD)
  return {
    requests: { url: requests, name: 'payments', limits: limits.pool },
    worker: { url: worker, name: 'payments-worker', limits: limits.workerPool },
    lookUps: { url: worker, name: 'payments-look-ups', limits: limits.lookUpPool },
  }
}

/** The relay of the outbox has a connection of its own. */
export function relayUrlOf(config: Config): string {
  return withPassword(config.RELAY_DATABASE_URL, config.RELAY_DATABASE_PASSWORD)
}

type Resources = Opened<PoolName> & { limits: Limits; log: PaymentsLog; stop: AbortSignal }

/** Connects the whole service. Each switch chooses a pattern or its naive version. */
export async function compose(config: Config, resources: Resources): Promise<Serving> {
  const { open, limits, log, metrics, pools } = resources
  const { requests, worker } = pools
  const paymentMetrics = createPaymentMetrics(metrics.registry)
  const { reconcile: waits, beginMinMs, page } = limits
  const backoff = { baseMs: waits.againBaseMs, capMs: waits.againCapMs }
  const now = () => new Date().toISOString()

  // Patterns
  const fence = config.PATTERN_LEASE === 'on' ? fencingNumber : timeOnly
  const payments = leasedWork(fence, paymentsTable)
  const refunds = leasedWork(fence, refundsTable)
  const events = openOutbox(config, resources)
  const reconcile = config.PATTERN_RECONCILER === 'on' ? reconcileDue : leaveItToClients
  const conclude = config.PATTERN_UNKNOWN_OUTCOME === 'naive' ? callItFailed : concludeFromAnswers
  const durable = config.PATTERN_DURABLE_REFUND === 'on' ? commitIntentFirst : callThenRecord
  const receive = config.PATTERN_WEBHOOK_HINT === 'on' ? recordAndRecheck : applyWebhookDirectly
  const backlog = openBacklog(config, resources)

  const admission =
    config.PATTERN_LOAD_SHEDDING === 'on' ? learnedRate(limits.admission) : beginEverything()

  // Flows
  const provider = openProvider(
    config,
    { open, limits, log, registry: metrics.registry },
    admission,
  )
  const store = choosePaymentStore(config, resources, {
    work: payments,
    outbox: events,
    isBacklogFull: backlog.isFull,
  })
  const tenants = openTenantLimits(config, resources)
  const settle = { store, newId: randomUUID, now, noteSettled: tenants.settled }
  const finish = { ...settle, ...provider.forRequests, conclude }
  const refund = {
    store: refundStore({
      pool: requests,
      worker,
      work: refunds,
      durable,
      limits: { ...waits, keyLeaseMs: limits.keyLeaseMs, backoff },
    }),
    makeRefund: provider.forRequests.makeRefund,
    reportObstacle: ({ refundId, paymentId }, reason) => {
      log.error({ event: 'refund.blocked', refundId, paymentId, reason })
      paymentMetrics.refundsBlocked.inc({ reason })
    },
    withoutAnswer: durable.withoutAnswer,
    beginMinMs,
  } satisfies Parameters<typeof buildApp>[0]['refundPayment']

  // Jobs. They end while requests are drained. The relay ends last, to publish the last events.
  const noteSettledLater: typeof tenants.settled = (tenantId, status) => {
    backlog.noteFinished()
    tenants.settled(tenantId, status)
  }
  const round = {
    reconcile,
    attemptBudgetMs: limits.http.requestBudgetMs,
    concurrencyMax: waits.concurrencyMax,
    roundMax: waits.roundMax,
    log,
  }
  const reconcilePayments = {
    ...round,
    finish: { ...settle, ...provider.forJobs, conclude, noteSettled: noteSettledLater },
    takeDue: provider.whileAdmitted(
      whilePlaces(admission, takeDuePayments(worker, payments, waits)),
    ),
    showOldest: async () =>
      paymentMetrics.paymentsOldestSeconds.set(await oldestOpenSeconds(worker)),
  }
  const processRefunds = {
    ...round,
    finish: { ...refund, makeRefund: provider.forJobs.makeRefund },
    takeDue: provider.whileAdmitted(
      whilePlaces(admission, () => takeDueRefund(worker, refunds, waits.leaseMs)),
    ),
    showOldest: async () =>
      paymentMetrics.refundsOldestSeconds.set(await oldestRefundSeconds(worker)),
  }
  runInBackground(open, [events.run])
  runJobs(resources, [
    {
      name: 'reconcile-payments',
      runOnce: signal => reconcilePaymentsOnce(reconcilePayments, signal),
    },
    { name: 'process-refunds', runOnce: signal => processRefundsOnce(processRefunds, signal) },
    { name: 'watch-backlog', runOnce: backlog.look, idleMs: limits.backlog.lookMs },
    statementLinesJob(worker, limits.statements),
    ...oldRowsJobs(worker, limits.oldRows),
  ])

  // Routes
  const app = await buildApp({
    readBudget: config.PATTERN_DEADLINE === 'on' ? callersBudget : ownBudget,
    entrance: openEntrance(config, resources),
    slowClients: treatSlowClients(config, resources),
    authenticate: authenticateBy(requests, readPeppers(config.API_KEY_PEPPER), limits.apiKeys),
    httpLimits: limits.http,
    log,
    metrics,
    pageDefault: page.defaultSize,
    ...readsOf(requests, page),
    takePayment: { ...finish, beginMinMs, noteLeftOpen: backlog.noteLeftOpen },
    takingDoor: tenants.behind(
      openDoor({ admission, limits: limits.door, registry: metrics.registry }),
    ),
    whileUnknown: config.PATTERN_IDEMPOTENCY_KEY === 'cache-then-charge' ? 'timed_out' : 'pending',
    captureOrVoid: {
      ...finish,
      requestAction: requestCaptureOrVoid(requests, fence, waits.firstCheckMs),
    },
    refundPayment: refund,
    receiveWebhook: { store: webhookStore(worker), receive, applyDirectly: applyWebhook(events) },
    webhookMetrics: paymentMetrics,
    webhookSecrets: config.CARD_PROVIDER_WEBHOOK_SECRETS.split(','),
    nowSeconds: () => Math.floor(Date.now() / 1_000),
  })
  return { app, ...operationsOf(config, log) }
}

/** What a load balancer and an operator see of this process, and how it stops. */
function operationsOf(config: Config, log: PaymentsLog): Omit<Serving, 'app'> {
  return {
    dependencies: { kafka: askBrokers('payments', config.KAFKA_BROKERS, log) },
    probes: config.PATTERN_HEALTH_CHECKS === 'on' ? askThisProcessOnly : askEveryDependency,
    leave: config.PATTERN_GRACEFUL_SHUTDOWN === 'on' ? drainFirst() : endAtOnce(),
  }
}

/** What an employer may read. The database ends a statement when its caller has stopped waiting. */
function readsOf(
  pool: Pool,
  { refundsMax }: Limits['page'],
): Pick<AppDeps, 'findPayment' | 'findPayments' | 'findRefundsOf' | 'readStatementPage'> {
  return {
    findPayment: (tenantId, paymentId, deadline) =>
      inTenantStatement(pool, tenantId, tx => findPayment(tx, tenantId, paymentId), deadline),
    findPayments: (filter, deadline) =>
      inTenantStatement(pool, filter.tenantId, tx => findPayments(tx, filter), deadline),
    findRefundsOf: (tenantId, paymentId, deadline) => {
      const inTx = async (tx: Transaction) => {
        const payment = await findPayment(tx, tenantId, paymentId)
        return payment && findRefundsOf(tx, tenantId, paymentId, refundsMax)
      }
      return inTenantTransaction(pool, tenantId, inTx, deadline)
    },
    readStatementPage: (filter, deadline) =>
      inTenantSnapshot(pool, filter.tenantId, tx => readStatementPage(tx, filter), deadline),
  }
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

/** Lets in as many payments as the provider takes. */
function openDoor(door: Pick<DoorOptions, 'admission' | 'limits' | 'registry'>) {
  return atTheDoor({ dependency: 'card-provider', ...door })
}

function redisUrlOf({ REDIS_URL, REDIS_PASSWORD }: Config): string {
  return withPassword(REDIS_URL, REDIS_PASSWORD)
}

/** The limits of each tenant. Their Redis client is not that of a cache, whose waits are others. */
function openTenantLimits(config: Config, { open, limits, log, metrics }: Resources) {
  const { tenants } = limits
  const redis = open.adopt(openRedis(redisUrlOf(config), tenants, log), each => each.disconnect())
  return tenantDoor({
    service: 'payments',
    perSecond: config.PAYMENTS_PER_TENANT_PER_SECOND,
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

function openOutbox(config: Config, { open, stop, log, metrics, pools }: Resources) {
  const { publish } = open.adopt(
    openKafkaProducer('payments', config.KAFKA_BROKERS, config.KAFKA_PREFIX, log, stop),
    producer => producer.close(),
  )
  if (config.PATTERN_OUTBOX === 'naive') return publishAfterCommit(pools.worker, topic, publish)
  const relay = {
    connectionString: relayUrlOf(config),
    publish,
    log,
    metrics: outboxMetrics(metrics.registry),
  }
  return outbox(pools.worker, topic, outboxRelay(relay))
}

/**
 * The variants of the idempotency key need transactions of several statements. The pattern has one.
 */
function choosePaymentStore(
  config: Config,
  resources: Resources,
  parts: Pick<PaymentStoreOptions, 'work' | 'outbox' | 'isBacklogFull'>,
) {
  const { limits } = resources
  const { worker, lookUps } = resources.pools
  const { keyLeaseMs, reconcile, beginMinMs, workerPool } = limits
  const backoff = { baseMs: reconcile.againBaseMs, capMs: reconcile.againCapMs }
  const bounds = { firstCheckMs: reconcile.firstCheckMs, backoff }
  const realKeys = idempotencyKeys({ subjects: paymentsTable, leaseMs: keyLeaseMs })
  const inSteps = { ...parts, pool: worker, limits: bounds }
  switch (config.PATTERN_IDEMPOTENCY_KEY) {
    case 'naive':
      return paymentsInSteps({ ...inSteps, keys: ignoredIdempotencyKeys() })
    case 'select-then-insert':
      return paymentsInSteps({ ...inSteps, keys: selectThenInsert() })
    case 'cache-then-charge':
      return paymentsInSteps({ ...inSteps, keys: cacheThenCharge(openCache(config, resources)) })
    case 'claim-in-business-transaction':
      return paymentsInOneTransaction({ ...inSteps, keys: realKeys })
    case 'on':
  }
  if (config.PATTERN_NATURAL_BATCHING === 'step-by-step') {
    return paymentsInSteps({ ...inSteps, keys: realKeys })
  }
  return paymentStore({
    ...parts,
    pool: worker,
    lookUps,
    batching: config.PATTERN_NATURAL_BATCHING === 'on' ? naturalBatching : oneByOne,
    limits: {
      ...bounds,
      leaseMs: keyLeaseMs,
      beginMinMs,
      statementMaxMs: workerPool.acquireMs + workerPool.statementMs,
      batching: limits.batching,
    },
  })
}

function openCache(config: Config, { open, limits, log }: Resources) {
  return open.adopt(openRedis(redisUrlOf(config), limits.cache, log), redis => redis.disconnect())
}

type Job = Pick<LoopOptions, 'name' | 'runOnce'> & Partial<Pick<LoopOptions, 'batchMax' | 'idleMs'>>

function runJobs({ open, limits, stop, log }: Resources, jobs: readonly Job[]): void {
  const { roundMax: batchMax, idleMs, failureBackoffCapMs } = limits.reconcile
  const loops = jobs.map(job => (signal: AbortSignal) => {
    return runLoop({ batchMax, idleMs, failureBackoffCapMs, log, signal, ...job })
  })
  runInBackground(open, loops, stop)
}
