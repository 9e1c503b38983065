import { join } from 'node:path'
import {
  backlogMetrics,
  boundedBacklog,
} from '@nightshift/patterns/bounded-backlog/bounded-backlog'
import { acceptEverything } from '@nightshift/patterns/bounded-backlog/naive'
import { outboxCrashPoints } from '@nightshift/patterns/outbox/crash-points'
import { outboxMetrics } from '@nightshift/patterns/outbox/metrics'
import { publishAfterCommit } from '@nightshift/patterns/outbox/naive'
import { outbox } from '@nightshift/patterns/outbox/outbox'
import { outboxRelay } from '@nightshift/patterns/outbox/relay'
import { leaveItToClients } from '@nightshift/patterns/reconciler/naive'
import { reconcileDue } from '@nightshift/patterns/reconciler/reconciler'
import { callItFailed } from '@nightshift/patterns/unknown-outcome/naive'
import { concludeFromAnswers } from '@nightshift/patterns/unknown-outcome/unknown-outcome'
import { applyWebhookDirectly } from '@nightshift/patterns/webhook-hint/naive'
import { recordAndRecheck } from '@nightshift/patterns/webhook-hint/webhook-hint'
import { authenticateBy } from '@nightshift/runtime/http/authenticate'
import { buildOperationsServer } from '@nightshift/runtime/http/operations-server'
import { openKafkaProducer } from '@nightshift/runtime/kafka/producer'
import { requireMigrations } from '@nightshift/runtime/postgres/migrate'
import {
  inTenantSnapshot,
  inTenantTransaction,
  openPool,
  type PoolLimits,
} from '@nightshift/runtime/postgres/postgres'
import { runInBackground } from '@nightshift/runtime/process/background'
import { readConfig } from '@nightshift/runtime/process/config'
import { armCrashpoint } from '@nightshift/runtime/process/crashpoint'
import { runService, untilAborted } from '@nightshift/runtime/process/lifecycle'
import { type LoopOptions, runLoop } from '@nightshift/runtime/process/loop'
import { warnOfNaivePatterns } from '@nightshift/runtime/process/naive-patterns'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { createMetrics, type Metrics } from '@nightshift/runtime/telemetry/metrics'
import { startTelemetry } from '@nightshift/runtime/telemetry/tracing'
import type { Pool } from 'pg'
import { type AppDeps, buildApp } from './app.ts'
import { Config, refuseIgnoredSwitches } from './config.ts'
import { paymentsCrashPoints } from './crash-points.ts'
import { captureEntries } from './domain/ledger.ts'
import type { CaptureOrVoidDeps } from './flows/capture-or-void.ts'
import type { FinishPaymentDeps } from './flows/take-payment.ts'
import { processRefundsOnce } from './jobs/process-refunds.ts'
import { reconcilePaymentsOnce } from './jobs/reconcile-payments.ts'
import { limits } from './limits.ts'
import type { PaymentsLog } from './log-events.ts'
import { createPaymentMetrics, type PaymentMetrics } from './metrics.ts'
import { listPayments } from './store/list-payments.ts'
import {
  countLeftOpen,
  deleteExpiredKeys,
  findPayment,
  oldestOpenSeconds,
  takeDuePayment,
} from './store/payments.ts'
import { findRefundsOf, oldestRefundSeconds, takeDueRefund } from './store/refunds.ts'
import { requestCaptureOrVoid } from './store/request-capture-or-void.ts'
import { readStatementPage } from './store/statements.ts'
import { believeBy } from './store/variants/believe-webhook.ts'
import { findAnyPayment, lookOnce } from './store/webhooks.ts'
import { eventNow, wirePhases } from './wire-phases.ts'
import { wireProvider } from './wire-provider.ts'
import { wireRefunds } from './wire-refunds.ts'

const topic = 'payments.v1'

/** Opens in the order of need; everything closes by itself, in reverse. */
async function run(config: Config, log: PaymentsLog, stop: AbortSignal): Promise<void> {
  await using open = new AsyncDisposableStack()
  open.use(startTelemetry('payments', config.OTEL_EXPORTER_OTLP_ENDPOINT))
  const metrics = createMetrics('payments')
  const paymentMetrics = createPaymentMetrics(metrics.registry)
  const adopt = (url: string, name: string, bounds: PoolLimits) =>
    open.adopt(openPool(url, name, bounds, log), p => p.end())
  const pool = adopt(config.DATABASE_URL, 'payments', limits.pool)
  const worker = adopt(config.WORKER_DATABASE_URL, 'payments-worker', limits.workerPool)
  const lookUps = adopt(config.WORKER_DATABASE_URL, 'payments-look-ups', limits.lookUpPool)
  await requireMigrations(pool, join(import.meta.dirname, '../migrations'))

  let ready = false
  const operations = buildOperationsServer(metrics.registry, () => ready)
  open.defer(() => operations.close())
  await operations.listen({ host: config.HOST, port: config.OPERATIONS_PORT })

  const plumbing = { pool, worker, lookUps, log, metrics, paymentMetrics, stop }
  const wired = wirePatterns(config, open, plumbing)
  startJobs(open, wired, plumbing)

  const app = await buildApp(portsOf(config, wired, plumbing))
  open.defer(() => app.close())
  await app.listen({ host: config.HOST, port: config.PORT })
  ready = true
  log.info({ event: 'service.started', port: config.PORT, operationsPort: config.OPERATIONS_PORT })
  await untilAborted(stop)
  ready = false
}

type Plumbing = {
  /** For requests on behalf of one employer. */
  pool: Pool
  /** For what works for all of them: the phases of payments, the jobs, the webhooks. */
  worker: Pool
  /** For looking up why a key could not be claimed. */
  lookUps: Pool
  log: PaymentsLog
  metrics: Metrics
  paymentMetrics: PaymentMetrics
  stop: AbortSignal
}
type Wired = ReturnType<typeof wirePatterns>

/** What the routes call. On behalf of an employer, in a transaction that sees its rows only. */
function portsOf(config: Config, wired: Wired, plumbing: Plumbing): AppDeps {
  const { pool, worker, log, metrics, paymentMetrics } = plumbing
  const { announcements, claim, finish, refund } = wired
  const { defaultSize, refundsMax } = limits.page
  const decide = requestCaptureOrVoid(limits.reconcile.firstCheckMs)
  return {
    authenticate: authenticateBy(pool, config.API_KEY_PEPPER, limits.apiKeys),
    log,
    metrics,
    webhookMetrics: paymentMetrics,
    pageDefault: defaultSize,
    takePayment: {
      ...{ claim, ...finish, beginMinMs: limits.beginMinMs },
      withoutAnswer:
        config.PATTERN_IDEMPOTENCY_KEY === 'cache-then-charge' ? 'timed_out' : 'pending',
    },
    findPayment: (tenantId, paymentId) =>
      inTenantTransaction(pool, tenantId, tx => findPayment(tx, tenantId, paymentId)),
    captureOrVoid: {
      decide: (tenantId, paymentId, wanted) =>
        inTenantTransaction(pool, tenantId, tx => decide(tx, tenantId, paymentId, wanted)),
      ...finish,
    },
    refundPayment: refund,
    findRefundsOf: (tenantId, paymentId) =>
      inTenantTransaction(pool, tenantId, async tx => {
        const payment = await findPayment(tx, tenantId, paymentId)
        return payment && findRefundsOf(tx, tenantId, paymentId, refundsMax)
      }),
    listPayments: filter =>
      inTenantTransaction(pool, filter.tenantId, tx => listPayments(tx, filter)),
    readStatementPage: filter =>
      inTenantSnapshot(pool, filter.tenantId, tx => readStatementPage(tx, filter)),
    receiveWebhook: {
      findPayment: paymentId => findAnyPayment(worker, paymentId),
      lookOnce: webhook => lookOnce(worker, webhook),
      takeHint: config.PATTERN_WEBHOOK_HINT === 'on' ? recordAndRecheck : applyWebhookDirectly,
      believe: believeBy({
        announcements,
        eventOf: eventNow,
        // What the provider keeps is not in its event.
        entriesOf: captured => captureEntries(captured, 0),
      }),
    },
    webhookSecrets: config.CARD_PROVIDER_WEBHOOK_SECRETS.split(','),
    nowSeconds: () => Math.floor(Date.now() / 1_000),
  }
}

/** Here the switches are decided: the pattern, or its naive twin of the same type. */
function wirePatterns(config: Config, open: AsyncDisposableStack, plumbing: Plumbing) {
  const { worker, lookUps, log, metrics, stop } = plumbing
  const { publish } = open.adopt(
    openKafkaProducer('payments', config.KAFKA_BROKERS, config.KAFKA_PREFIX, log, stop),
    producer => producer.close(),
  )
  const connectionString = config.RELAY_DATABASE_URL
  const announcements =
    config.PATTERN_OUTBOX === 'on'
      ? outbox(
          worker,
          topic,
          outboxRelay({ connectionString, publish, log, metrics: outboxMetrics(metrics.registry) }),
        )
      : publishAfterCommit(worker, topic, publish)
  const count = (max: number) => countLeftOpen(worker, max)
  const bound = { count, max: limits.backlog.openMax, metrics: backlogMetrics(metrics.registry) }
  const backlog =
    config.PATTERN_BOUNDED_BACKLOG === 'on' ? boundedBacklog(bound) : acceptEverything(bound)
  const conclude = config.PATTERN_UNKNOWN_OUTCOME === 'naive' ? callItFailed : concludeFromAnswers
  const reconcile = config.PATTERN_RECONCILER === 'on' ? reconcileDue : leaveItToClients

  const phases = wirePhases(config, open, {
    pool: worker,
    lookUps,
    announcements,
    backlog,
    log,
  })
  const { charge, carryOut, giveBack } = wireProvider(config, open, plumbing)
  const finish: Finish = {
    ...{ charge, carryOut },
    conclude: outcome => conclude(outcome, 'card_declined'),
    settle: phases.settle,
    askAgainLater: phases.askAgainLater,
  }
  const refund = wireRefunds(config, giveBack, plumbing)
  return { announcements, backlog, claim: phases.claim, finish, reconcile, refund }
}

type Finish = FinishPaymentDeps & Pick<CaptureOrVoidDeps, 'carryOut'>

/**
 * What happens without a request. The jobs end while requests are being drained; the relay ends after
 * those, because what they commit is to be published.
 */
function startJobs(
  open: AsyncDisposableStack,
  { announcements, backlog, finish, reconcile, refund }: Wired,
  { worker, log, paymentMetrics, stop }: Plumbing,
): void {
  const { roundMax, idleMs, failureBackoffCapMs, concurrencyMax, leaseMs } = limits.reconcile
  const attemptBudgetMs = limits.http.requestBudgetMs
  const work = { reconcile, attemptBudgetMs, concurrencyMax, roundMax, log }
  const { keysBatchMax, keysIdleMs } = limits.reaper
  const reconcilePayments = {
    ...work,
    finish,
    takeDue: () => takeDuePayment(worker, leaseMs),
    showOldest: async () =>
      paymentMetrics.paymentsOldestSeconds.set(await oldestOpenSeconds(worker)),
  }
  const processRefunds = {
    ...work,
    finish: refund,
    takeDue: () => takeDueRefund(worker, leaseMs),
    showOldest: async () =>
      paymentMetrics.refundsOldestSeconds.set(await oldestRefundSeconds(worker)),
  }
  const jobs: Job[] = [
    {
      name: 'reconcile-payments',
      runOnce: signal => reconcilePaymentsOnce(reconcilePayments, signal),
    },
    {
      name: 'process-refunds',
      runOnce: signal => processRefundsOnce(processRefunds, signal),
    },
    { name: 'watch-backlog', runOnce: backlog.look, idleMs: limits.backlog.lookMs },
    {
      name: 'delete-expired-keys',
      runOnce: () => deleteExpiredKeys(worker, keysBatchMax),
      batchMax: keysBatchMax,
      idleMs: keysIdleMs,
    },
  ]
  const loops = jobs.map(job => (signal: AbortSignal) => {
    return runLoop({ batchMax: roundMax, idleMs, failureBackoffCapMs, log, signal, ...job })
  })
  runInBackground(open, [announcements.run])
  runInBackground(open, loops, stop)
}

type Job = Pick<LoopOptions, 'name' | 'runOnce'> & Partial<Pick<LoopOptions, 'batchMax' | 'idleMs'>>

if (import.meta.main) {
  const log: PaymentsLog = openLog('payments')
  await runService(log, limits.stopDeadlineMs, async stop => {
    const config = readConfig(Config, process.env)
    log.setLevel(config.LOG_LEVEL)
    refuseIgnoredSwitches(config)
    warnOfNaivePatterns(config, log)
    if (config.CRASH_AT) armCrashpoint(config.CRASH_AT, [paymentsCrashPoints, outboxCrashPoints])
    await run(config, log, stop)
  })
}
