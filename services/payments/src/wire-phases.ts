import { randomUUID } from 'node:crypto'
import type { Backlog } from '@nightshift/patterns/bounded-backlog/bounded-backlog'
import { cacheThenCharge } from '@nightshift/patterns/idempotency-key/cache-then-charge'
import { idempotencyKeys } from '@nightshift/patterns/idempotency-key/idempotency-key'
import { ignoredIdempotencyKeys } from '@nightshift/patterns/idempotency-key/naive'
import { selectThenInsert } from '@nightshift/patterns/idempotency-key/select-then-insert'
import type { IdempotencyKeys } from '@nightshift/patterns/idempotency-key/types'
import { fencing } from '@nightshift/patterns/lease/lease'
import { lastWriteWins } from '@nightshift/patterns/lease/naive'
import { oneByOne } from '@nightshift/patterns/natural-batching/naive'
import { naturalBatching } from '@nightshift/patterns/natural-batching/natural-batching'
import type { Outbox } from '@nightshift/patterns/outbox/types'
import { ConfigError } from '@nightshift/runtime/process/config'
import { openRedis } from '@nightshift/runtime/redis/redis'
import type { Pool } from 'pg'
import type { Config } from './config.ts'
import type { Payment } from './domain/payment.ts'
import { changeOf } from './domain/payment-change.ts'
import { paymentEvent } from './domain/payment-event.ts'
import type { TakePaymentDeps } from './flows/take-payment.ts'
import { paymentAnswer } from './http/payment-answer.ts'
import { limits } from './limits.ts'
import type { PaymentsLog } from './log-events.ts'
import { askAgainLater } from './store/ask-again-later.ts'
import { paymentPhases } from './store/payment-phases.ts'
import { postponeCheck } from './store/payments.ts'
import { phasesInOneTransaction } from './store/variants/in-one-transaction.ts'
import { stepByStepPhases } from './store/variants/step-by-step.ts'

export type Phases = Pick<TakePaymentDeps, 'claim' | 'settle' | 'askAgainLater'>

export type PhasesPlumbing = {
  pool: Pool
  /** For looking up why a key could not be claimed. */
  lookUps: Pool
  announcements: Outbox
  backlog: Backlog
  log: PaymentsLog
}

/**
 * What commits of a payment. The keys and the form of the statements go together: a key is claimed
 * in the statement itself. All variants of the keys but the real one go step by step.
 */
export function wirePhases(
  config: Config,
  open: AsyncDisposableStack,
  { pool, lookUps, announcements, backlog, log }: PhasesPlumbing,
): Phases {
  const { keyLeaseMs, batching, reconcile } = limits
  const { firstCheckMs, againBaseMs, againCapMs } = reconcile
  const options = {
    ...{ pool, announcements, isBacklogFull: backlog.isFull },
    changeOf,
    answerOf: paymentAnswer,
    eventOf: eventNow,
  }
  const askAgainBy =
    ({ release }: IdempotencyKeys): Phases['askAgainLater'] =>
    (payment, retryFloorMs) =>
      askAgainLater(pool, {
        postpone: tx =>
          postponeCheck(tx, payment, {
            baseMs: againBaseMs,
            capMs: againCapMs,
            retryAfterMs: retryFloorMs,
          }),
        release: tx => release(tx, payment.paymentId),
      })
  const stepByStep = (keys: IdempotencyKeys): Phases => ({
    ...stepByStepPhases({ ...options, keys, firstCheckMs }),
    askAgainLater: askAgainBy(keys),
  })

  switch (config.PATTERN_IDEMPOTENCY_KEY) {
    case 'naive':
      return stepByStep(ignoredIdempotencyKeys())
    case 'select-then-insert':
      return stepByStep(selectThenInsert())
    case 'cache-then-charge':
      return stepByStep(cacheThenCharge(openCache(config, open, log)))
    case 'claim-in-business-transaction':
      return phasesInOneTransaction({ ...options, keys: idempotencyKeys(keyLeaseMs), firstCheckMs })
    case 'on':
  }
  if (config.PATTERN_NATURAL_BATCHING === 'step-by-step') {
    return stepByStep(idempotencyKeys(keyLeaseMs))
  }
  const phases = paymentPhases({
    ...options,
    ...batching,
    lookUps,
    beginMinMs: limits.beginMinMs,
    statementMaxMs: limits.workerPool.acquireMs + limits.workerPool.statementMs,
    batching: config.PATTERN_NATURAL_BATCHING === 'on' ? naturalBatching : oneByOne,
    fencing: config.PATTERN_LEASE === 'on' ? fencing : lastWriteWins,
    claim: { owner: `payments-${process.pid}`, leaseMs: keyLeaseMs, firstCheckMs },
  })
  return { ...phases, askAgainLater: askAgainBy(idempotencyKeys(keyLeaseMs)) }
}

/** What the others hear of a payment that has changed now. */
export function eventNow(payment: Payment) {
  return paymentEvent(payment, randomUUID(), new Date().toISOString())
}

function openCache({ REDIS_URL }: Config, open: AsyncDisposableStack, log: PaymentsLog) {
  if (REDIS_URL === undefined) {
    throw new ConfigError(['REDIS_URL: needed for PATTERN_IDEMPOTENCY_KEY=cache-then-charge'])
  }
  return open.adopt(openRedis(REDIS_URL, limits.cache, log), redis => redis.disconnect())
}
