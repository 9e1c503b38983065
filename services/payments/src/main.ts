import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { idempotencyKeys } from '@nightshift/patterns/idempotency-key/idempotency-key'
import { ignoredIdempotencyKeys } from '@nightshift/patterns/idempotency-key/naive'
import { oneByOne } from '@nightshift/patterns/natural-batching/naive'
import { naturalBatching } from '@nightshift/patterns/natural-batching/natural-batching'
import { publishAfterCommit } from '@nightshift/patterns/outbox/naive'
import { outbox } from '@nightshift/patterns/outbox/outbox'
import { outboxRelay } from '@nightshift/patterns/outbox/relay'
import type { Outbox } from '@nightshift/patterns/outbox/types'
import { callItFailed } from '@nightshift/patterns/unknown-outcome/naive'
import { concludeFromAnswers } from '@nightshift/patterns/unknown-outcome/unknown-outcome'
import { authenticateBy } from '@nightshift/runtime/authenticate'
import { runInBackground } from '@nightshift/runtime/background'
import { type Backlog, watchBacklog } from '@nightshift/runtime/backlog'
import { dependency } from '@nightshift/runtime/call-dependency'
import { readConfig } from '@nightshift/runtime/config'
import { armCrashpoint } from '@nightshift/runtime/crashpoint'
import { openHttpClient } from '@nightshift/runtime/http-client'
import { openKafkaProducer } from '@nightshift/runtime/kafka-producer'
import { runService } from '@nightshift/runtime/lifecycle'
import { type Log, openLog } from '@nightshift/runtime/logger'
import { runLoop } from '@nightshift/runtime/loop'
import { createMetrics, type Metrics } from '@nightshift/runtime/metrics'
import { requireMigrations } from '@nightshift/runtime/migrate'
import { warnOfNaivePatterns } from '@nightshift/runtime/naive-patterns'
import { buildOperationsServer } from '@nightshift/runtime/operations-server'
import { openPool, requirePostgres17 } from '@nightshift/runtime/postgres'
import { startTelemetry } from '@nightshift/runtime/telemetry'
import type { Pool } from 'pg'
import { buildApp } from './app.ts'
import { chargeCard } from './clients/card-provider.ts'
import { Config } from './config.ts'
import type { Payment } from './domain/payment.ts'
import { paymentEvent } from './domain/payment-event.ts'
import type { FinishPaymentDeps, TakePaymentDeps } from './flows/take-payment.ts'
import { paymentAnswer } from './http/payment-answer.ts'
import { reconcilePaymentsOnce } from './jobs/reconcile-payments.ts'
import { limits } from './limits.ts'
import { paymentPhases } from './store/payment-phases.ts'
import {
  countLeftOpen,
  deleteExpiredKeys,
  findPayment,
  postponeCheck,
  releaseKey,
  takeDuePayments,
} from './store/payments.ts'
import { stepByStepPhases } from './store/step-by-step.ts'

const topic = 'payments.v1'

/** Opens in the order of need; everything closes by itself, in reverse. */
async function run(config: Config, log: Log, untilStopped: () => Promise<void>): Promise<void> {
  await using open = new AsyncDisposableStack()
  open.use(startTelemetry('payments', config.OTEL_EXPORTER_OTLP_ENDPOINT))
  const metrics = createMetrics('payments')
  const pool = open.adopt(openPool(config.DATABASE_URL, 'payments', limits.pool, log), p => p.end())
  await requirePostgres17(pool)
  await requireMigrations(pool, join(import.meta.dirname, '../migrations'))

  let ready = false
  const operations = buildOperationsServer(metrics.registry, () => ready)
  open.defer(() => operations.close())
  await operations.listen({ host: config.HOST, port: config.OPERATIONS_PORT })

  const { announcements, backlog, claim, finish } = wirePatterns(config, open, {
    ...{ pool, log, metrics },
  })
  startJobs(open, announcements, { pool, finish, backlog, log })

  const app = await buildApp({
    authenticate: authenticateBy(pool, config.API_KEY_PEPPER, limits.apiKeys),
    log,
    metrics,
    takePayment: { claim, ...finish },
    findPayment: (tenantId, paymentId) => findPayment(pool, tenantId, paymentId),
  })
  open.defer(() => app.close())
  await app.listen({ host: config.HOST, port: config.PORT })
  ready = true
  log.info({ event: 'service.started', port: config.PORT, operationsPort: config.OPERATIONS_PORT })
  await untilStopped()
  ready = false
}

type Plumbing = { pool: Pool; log: Log; metrics: Metrics }

/** Here the switches are decided: the pattern, or its naive twin of the same type. */
function wirePatterns(config: Config, open: AsyncDisposableStack, plumbing: Plumbing) {
  const { pool, log, metrics } = plumbing
  const { publish } = open.adopt(
    openKafkaProducer('payments', config.KAFKA_BROKERS, config.KAFKA_PREFIX, log),
    producer => producer.close(),
  )
  const connectionString = config.DATABASE_URL
  const announcements =
    config.PATTERN_OUTBOX === 'on'
      ? outbox(pool, () => topic, outboxRelay({ connectionString, publish, log, metrics }))
      : publishAfterCommit(pool, () => topic, publish)
  const count = (max: number) => countLeftOpen(pool, max)
  const backlog = watchBacklog(count, limits.backlog.openMax, metrics.backlogOpen)
  const conclude = config.PATTERN_UNKNOWN_OUTCOME === 'on' ? concludeFromAnswers : callItFailed

  const http = open.adopt(openHttpClient(config.CARD_PROVIDER_URL, limits.providerHttp), client =>
    client.close(),
  )
  const callProvider = dependency('card-provider', limits.provider, log, metrics)
  const { againBaseMs, againCapMs } = limits.reconcile
  const { claim, settle } = phasesOf(config, { pool, announcements, backlog })
  const finish: FinishPaymentDeps = {
    charge: chargeCard(callProvider, http, config.CARD_PROVIDER_SECRET_KEY),
    conclude: outcome => conclude(outcome, 'card_declined'),
    settle,
    askAgainLater: async payment => {
      await postponeCheck(pool, payment, againBaseMs, againCapMs)
      await releaseKey(pool, payment.paymentId)
    },
  }
  return { announcements, backlog, claim, finish }
}

/** The keys and the form of the statements go together: a key is claimed in the statement itself. */
function phasesOf(
  config: Config,
  { pool, announcements, backlog }: { pool: Pool; announcements: Outbox; backlog: Backlog },
): Pick<TakePaymentDeps, 'claim' | 'settle'> {
  const { keyLeaseMs, batching, reconcile } = limits
  const { firstCheckMs } = reconcile
  const options = {
    ...{ pool, announcements, isBacklogFull: backlog.isFull },
    answerOf: paymentAnswer,
    eventOf: (payment: Payment) => paymentEvent(payment, randomUUID(), new Date().toISOString()),
  }
  if (config.PATTERN_IDEMPOTENCY_KEY === 'naive') {
    return stepByStepPhases({ ...options, keys: ignoredIdempotencyKeys(), firstCheckMs })
  }
  if (config.PATTERN_NATURAL_BATCHING === 'step-by-step') {
    return stepByStepPhases({ ...options, keys: idempotencyKeys(keyLeaseMs), firstCheckMs })
  }
  return paymentPhases({
    ...options,
    ...batching,
    batching: config.PATTERN_NATURAL_BATCHING === 'on' ? naturalBatching : oneByOne,
    claim: { owner: `payments-${process.pid}`, leaseMs: keyLeaseMs, firstCheckMs },
  })
}

/** What happens without anybody asking. Stopped, and waited for, before its connections close. */
function startJobs(
  open: AsyncDisposableStack,
  announcements: Outbox,
  {
    pool,
    finish,
    backlog,
    log,
  }: { pool: Pool; finish: FinishPaymentDeps; backlog: Backlog; log: Log },
): void {
  const { batchMax, idleMs, failureBackoffCapMs, concurrencyMax, firstCheckMs } = limits.reconcile
  const reconciler = {
    takeDue: () => takeDuePayments(pool, batchMax, firstCheckMs),
    finish,
    attemptBudgetMs: limits.http.requestBudgetMs,
    concurrencyMax,
    log,
  }
  const runOnce = () => reconcilePaymentsOnce(reconciler)
  const loop = { name: 'reconcile-payments', runOnce, batchMax, idleMs, failureBackoffCapMs, log }
  const { lookMs } = limits.backlog
  const look = { ...loop, name: 'watch-backlog', runOnce: backlog.look, idleMs: lookMs }
  const { keysBatchMax, keysIdleMs } = limits.reaper
  const reap = {
    ...{ ...loop, name: 'delete-expired-keys', batchMax: keysBatchMax, idleMs: keysIdleMs },
    runOnce: () => deleteExpiredKeys(pool, keysBatchMax),
  }
  const tasks = [loop, look, reap].map(
    each => (signal: AbortSignal) => runLoop({ ...each, signal }),
  )
  runInBackground(open, announcements.run, ...tasks)
}

if (import.meta.main) {
  const log = openLog('payments')
  await runService(log, async untilStopped => {
    const config = readConfig(Config, process.env)
    log.setLevel(config.LOG_LEVEL)
    warnOfNaivePatterns(config, log)
    if (config.CRASH_AT) armCrashpoint(config.CRASH_AT)
    await run(config, log, untilStopped)
  })
}
