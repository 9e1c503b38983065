import { type Deadline, withinDeadline } from '@nightshift/runtime/process/deadline'
import type { Outcome } from '@nightshift/runtime/process/outcome'
import type { Log } from '@nightshift/runtime/telemetry/logger'
import { inSpan } from '@nightshift/runtime/telemetry/tracing'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import type { CallResult, CircuitBreaker } from './circuit-breaker.ts'
import type { CircuitBreakerLogEvent } from './log-events.ts'
import type { DependencyMetrics } from './metrics.ts'

export type OutboundCallLimits = Readonly<{
  /** One attempt. It ends with the deadline of the caller if that is sooner. */
  attemptMs: number
  /** The dependency is not asked with less time left: the answer could not be used. */
  attemptMinMs: number
}>

export type OutboundCallOptions = {
  dependency: string
  limits: OutboundCallLimits
  breaker: CircuitBreaker
  log: Log<CircuitBreakerLogEvent>
  metrics: Pick<DependencyMetrics, 'callSeconds'>
}

export type OutboundCall = <Value, Reason>(
  operation: string,
  deadline: Deadline,
  attempt: (deadline: Deadline) => Promise<Outcome<Value, Reason>>,
) => Promise<Outcome<Value, Reason>>

/** A caller that leaves a smaller share of an attempt's time can't judge the dependency by silence. */
const fairShareOfAttempt = 0.5
/** An attempt ends by its own deadline. One that has not ended this long after it never will. */
const backstopMs = 1_000

/**
 * The one way to call another service or an outside party, in this order:
 * deadline check -> breaker -> per-try timeout -> call. No caller wraps by hand.
 */
export function outboundCall(options: OutboundCallOptions): OutboundCall {
  const { dependency, limits, breaker, log, metrics } = options
  return async (operation, deadline, attempt) => {
    if (deadline.remainingMs() < limits.attemptMinMs) {
      return { kind: 'not-sent', cause: new Error('too little time left to ask') }
    }
    const attributes = { 'peer.service': dependency }
    return inSpan(operation, { kind: SpanKind.CLIENT, attributes }, async span => {
      const startedMs = performance.now()
      const isFair = deadline.remainingMs() >= limits.attemptMs * fairShareOfAttempt
      const perTry = withinDeadline(deadline, limits.attemptMs)
      const outcome = await guardedBy(breaker, isFair, () => endedBy(perTry, attempt))
      const seconds = (performance.now() - startedMs) / 1000
      metrics.callSeconds.observe({ dependency, outcome: outcome.kind }, seconds)
      span.setAttribute('nightshift.outcome', outcome.kind)
      if (outcome.kind === 'unknown' || outcome.kind === 'not-sent' || outcome.kind === 'bug') {
        span.setStatus({ code: SpanStatusCode.ERROR })
      }
      if (outcome.kind === 'bug') {
        log.error({ event: 'dependency.bug', dependency, operation, error: outcome.cause })
      }
      return outcome
    })
  }
}

async function guardedBy<Value, Reason>(
  breaker: CircuitBreaker,
  isFair: boolean,
  call: () => Promise<Outcome<Value, Reason>>,
): Promise<Outcome<Value, Reason>> {
  const admitted = breaker.admit()
  if (!admitted) return { kind: 'not-sent', cause: new Error('the breaker is open') }
  const outcome = await call().catch((cause: unknown) => ({ kind: 'bug', cause }) as const)
  await admitted.settle(resultOf(outcome, isFair))
  return outcome
}

/**
 * A business refusal, such as a declined card, is an answer: the dependency works. A dependency that sheds load, or says that
 * we misuse it, says nothing about the next call. Neither does a missing answer that its caller had
 * left too little time for: a caller that asks for 60 ms, again and again, would open the breaker for
 * all.
 */
function resultOf(outcome: Outcome<unknown, unknown>, isFair: boolean): CallResult {
  switch (outcome.kind) {
    case 'ok':
    case 'rejected':
      return 'ok'
    case 'unknown':
    case 'not-sent':
      // A stuck attempt is a mistake of ours: every attempt ends by its own deadline.
      return isFair && !(outcome.cause instanceof AttemptIsStuck) ? 'failed' : 'neutral'
    case 'shed':
    case 'bug':
      return 'neutral'
  }
}

class AttemptIsStuck extends Error {}

/** An attempt that ignores its deadline would hold the breaker half open for ever. */
async function endedBy<Value, Reason>(
  perTry: Deadline,
  attempt: (deadline: Deadline) => Promise<Outcome<Value, Reason>>,
): Promise<Outcome<Value, Reason>> {
  const stuck = Promise.withResolvers<Outcome<Value, Reason>>()
  const timer = setTimeout(() => {
    stuck.resolve({ kind: 'unknown', cause: new AttemptIsStuck() })
  }, perTry.remainingMs() + backstopMs)
  try {
    return await Promise.race([attempt(perTry), stuck.promise])
  } finally {
    clearTimeout(timer)
  }
}
