import { type Deadline, withinDeadline } from '@nightshift/runtime/process/deadline'
import { NotTried, type Outcome } from '@nightshift/runtime/process/outcome'
import type { Log } from '@nightshift/runtime/telemetry/logger'
import { inSpan } from '@nightshift/runtime/telemetry/tracing'
import { type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import type { Bulkhead } from '../bulkhead/bulkhead.ts'
import type { CallResult, CircuitBreaker } from '../circuit-breaker/circuit-breaker.ts'
import type { CircuitBreakerLogEvent } from '../circuit-breaker/log-events.ts'
import type { DependencyMetrics } from '../circuit-breaker/metrics.ts'
import { lagAwareTimer } from '../local-stall/local-stall.ts'
import { LocalStall } from '../local-stall/types.ts'
import type { Retries } from '../retry-budget/types.ts'

export type OutboundCallLimits = Readonly<{
  /** One try. It ends with the deadline of the caller if that is sooner. */
  attemptMs: number
  /** The dependency is not asked with less time left: the answer could not be used. */
  attemptMinMs: number
}>

export type OutboundCallOptions = {
  dependency: string
  limits: OutboundCallLimits
  retries: Retries
  breaker: Pick<CircuitBreaker, 'admit'>
  bulkhead: Bulkhead
  log: Log<CircuitBreakerLogEvent>
  metrics: Pick<DependencyMetrics, 'callSeconds' | 'localStalls'>
}

/** One try. It ends by its deadline. `tryNumber` is 0 for the first. */
export type Attempt<Value, Reason> = (
  deadline: Deadline,
  tryNumber: number,
) => Promise<Outcome<Value, Reason>>

export type OutboundCall = <Value, Reason>(
  operation: string,
  deadline: Deadline,
  attempt: Attempt<Value, Reason>,
) => Promise<Outcome<Value, Reason>>

/** After a smaller share of an attempt's time, silence says nothing about the dependency. */
const judgingShare = 0.5
/** A timer counts whole milliseconds, so a try may end this much before its deadline. */
const timerEarlyMs = 1
/** A try ends by its own deadline. One that has not ended this long after it never will. */
const backstopMs = 1_000

/**
 * The one way to call another service or an outside party, in this order:
 * deadline -> retries -> breaker -> bulkhead -> per-try timeout -> call. No caller wraps by hand.
 * - The breaker sees every try, so it learns from all of them.
 * - The bulkhead is inside: a call that it refuses says nothing about the dependency.
 * - What breaker or bulkhead refuse is never repeated: they refuse to protect.
 */
export function outboundCall(options: OutboundCallOptions): OutboundCall {
  const { retries, dependency, metrics } = options
  // Prometheus sees an increase only of a series that was there before.
  metrics.localStalls.inc({ dependency }, 0)
  return async (operation, deadline, attempt) => {
    retries.begin()
    let unknown: { kind: 'unknown'; cause: unknown } | undefined
    // The retries have a bound (`retriesMax`), and so has this loop.
    for (let tryNumber = 0; ; tryNumber += 1) {
      const outcome = await tryOnce(options, operation, deadline, async perTry =>
        attempt(perTry, tryNumber),
      )
      if (outcome.kind === 'unknown') unknown = outcome
      const waitMs = retries.waitBeforeNext(tryNumber + 1, outcome, deadline)
      // An earlier try may have had its effect, whatever happened to this one.
      if (waitMs === undefined) return isWithoutEffect(outcome) ? (unknown ?? outcome) : outcome
      await new Promise(resolve => setTimeout(resolve, waitMs))
    }
  }
}

async function tryOnce<Value, Reason>(
  options: OutboundCallOptions,
  operation: string,
  deadline: Deadline,
  attempt: (deadline: Deadline) => Promise<Outcome<Value, Reason>>,
): Promise<Outcome<Value, Reason>> {
  const { dependency, limits, log, metrics } = options
  if (deadline.remainingMs() < limits.attemptMinMs) return notTried('too little time left to ask')
  const attributes = { 'peer.service': dependency }
  return inSpan(operation, { kind: SpanKind.CLIENT, attributes }, async span => {
    const startedMs = performance.now()
    const outcome = await guarded(options, deadline, attempt)
    const seconds = (performance.now() - startedMs) / 1_000
    metrics.callSeconds.observe({ dependency, outcome: outcome.kind }, seconds)
    tellSpan(span, outcome)
    if (outcome.kind === 'bug') {
      log.error({ event: 'dependency.bug', dependency, operation, error: outcome.cause })
    }
    return outcome
  })
}

async function guarded<Value, Reason>(
  { dependency, limits, breaker, bulkhead, metrics }: OutboundCallOptions,
  deadline: Deadline,
  attempt: (deadline: Deadline) => Promise<Outcome<Value, Reason>>,
): Promise<Outcome<Value, Reason>> {
  const admitted = breaker.admit()
  if (!admitted) return notTried('the breaker is open')
  const leave = await bulkhead.enter()
  if (!leave) {
    await admitted.settle('neutral')
    return notTried('as many calls as may be are under way')
  }
  const canJudge = deadline.remainingMs() >= limits.attemptMs * judgingShare
  const perTry = withinDeadline(deadline, limits.attemptMs)
  const work = attempt(perTry)
    .catch((cause: unknown) => ({ kind: 'bug', cause }) as const)
    // The place is left when the work ends, even if its caller has left before.
    .finally(leave)
  const outcome = await endedBy(perTry, work)
  const wasHurried = !canJudge && perTry.remainingMs() <= timerEarlyMs
  const fault = ownFaultOf(outcome, limits.attemptMs)
  if (fault === 'stall') metrics.localStalls.inc({ dependency })
  await admitted.settle(resultOf(outcome, wasHurried || fault !== undefined))
  return outcome
}

/**
 * An attempt that ignores its deadline would keep its caller waiting for ever. Its place stays taken
 * until its work ends.
 */
async function endedBy<Value, Reason>(
  perTry: Deadline,
  work: Promise<Outcome<Value, Reason>>,
): Promise<Outcome<Value, Reason>> {
  const stuck = Promise.withResolvers<Outcome<Value, Reason>>()
  const cancel = lagAwareTimer(perTry.remainingMs() + backstopMs, () => {
    stuck.resolve({ kind: 'unknown', cause: new AttemptIsStuck() })
  })
  try {
    return await Promise.race([work, stuck.promise])
  } finally {
    cancel()
  }
}

/**
 * A business refusal, such as a declined card, is an answer: the dependency works. A dependency that
 * sheds load, or says that we misuse it, says nothing about the next call. Neither does a silence that
 * is our own doing: a caller that asks for 60 ms, again and again, would open the breaker for all.
 */
function resultOf({ kind }: Outcome<unknown, unknown>, isOurDoing: boolean): CallResult {
  switch (kind) {
    case 'ok':
    case 'rejected':
      return 'ok'
    case 'unknown':
    case 'not-sent':
      return isOurDoing ? 'neutral' : 'failed'
    case 'shed':
    case 'bug':
      return 'neutral'
  }
}

/**
 * Why it is our own fault that there is no answer, if it is. A stuck attempt is a mistake of ours. So
 * is a timeout after our own loop stood still for most of the time. A short stall excuses nothing:
 * what had arrived has been read since.
 */
function ownFaultOf(
  outcome: Outcome<unknown, unknown>,
  attemptMs: number,
): 'stall' | 'stuck' | undefined {
  if (outcome.kind !== 'unknown' && outcome.kind !== 'not-sent') return undefined
  const { cause } = outcome
  if (cause instanceof AttemptIsStuck) return 'stuck'
  const isLongStall = cause instanceof LocalStall && cause.lateMs >= attemptMs * judgingShare
  return isLongStall ? 'stall' : undefined
}

/** Nothing happened in this try. That says nothing about an earlier one. */
function isWithoutEffect({ kind }: Outcome<unknown, unknown>): boolean {
  return kind === 'not-sent' || kind === 'shed'
}

class AttemptIsStuck extends Error {}

function notTried(why: string): { kind: 'not-sent'; cause: NotTried } {
  return { kind: 'not-sent', cause: new NotTried(why) }
}

function tellSpan(span: Span, outcome: Outcome<unknown, unknown>): void {
  span.setAttribute('nightshift.outcome', outcome.kind)
  if (outcome.kind === 'unknown' || outcome.kind === 'not-sent' || outcome.kind === 'bug') {
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
}
