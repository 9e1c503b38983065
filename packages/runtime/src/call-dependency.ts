import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import CircuitBreaker from 'opossum'
import { type Deadline, withinDeadline } from './deadline.ts'
import type { Log } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { Outcome } from './outcome.ts'
import { inSpan } from './telemetry.ts'

export type DependencyLimits = {
  /** One attempt. It ends with the deadline of the caller if that is sooner. */
  attemptMs: number
  /** With less than this left, nobody is asked: the answer could not be used. */
  attemptMinMs: number
  breakerWindowMs: number
  breakerVolumeMin: number
  breakerFailurePercent: number
  breakerOpenMs: number
}

export type CallDependency = <Value, Reason>(
  operation: string,
  deadline: Deadline,
  attempt: (deadline: Deadline) => Promise<Outcome<Value, Reason>>,
) => Promise<Outcome<Value, Reason>>

/** Carries an outcome through the breaker, which counts what is thrown. */
class Failed extends Error {
  readonly outcome: Outcome<never, never>
  /** Whether it says something about the dependency. */
  readonly counts: boolean
  constructor(outcome: Outcome<never, never>, counts: boolean) {
    super(outcome.kind)
    this.outcome = outcome
    this.counts = counts
  }
}

/** With less of an attempt's time than this, a missing answer is the fault of whoever was in a hurry. */
const fairShareOfAttempt = 0.5

/**
 * The one way to call another service or an outside party, in this order:
 * deadline check -> breaker -> per-try timeout -> call. Nobody wraps by hand.
 *
 * The breaker counts what says that the dependency is unwell (`unknown`, `not-sent`) and nothing
 * else: a declined card or a refused request is an answer. Nor does it count against a dependency
 * what a caller left no time for: whoever asks for 60 ms, again and again, would open it for all.
 */
export function dependency(
  name: string,
  limits: DependencyLimits,
  log: Log,
  metrics: Metrics,
): CallDependency {
  // A fresh options object for each breaker: opossum keeps and changes it. No cache, no capacity,
  // no abortController: each of them is shared by all calls (docs/decisions/0007).
  const breaker = new CircuitBreaker(
    async (attempt: (deadline: Deadline) => Promise<unknown>, deadline: Deadline) =>
      attempt(withinDeadline(deadline, limits.attemptMs)),
    {
      name,
      // True: not a failure of the dependency. What is not `Failed` was thrown by our own code.
      errorFilter: error => !(error instanceof Failed && error.counts),
      // Every attempt ends by its own deadline. This is the backstop that keeps a probe which
      // never settles from holding the breaker half open for ever.
      timeout: limits.attemptMs + 1_000,
      errorThresholdPercentage: limits.breakerFailurePercent,
      volumeThreshold: limits.breakerVolumeMin,
      rollingCountTimeout: limits.breakerWindowMs,
      rollingCountBuckets: 10,
      resetTimeout: limits.breakerOpenMs,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
    },
  )
  metrics.breakerState.set({ dependency: name }, 0)
  breaker.on('open', () => {
    metrics.breakerState.set({ dependency: name }, 1)
    log.warn({ event: 'breaker.opened', dependency: name })
  })
  breaker.on('halfOpen', () => {
    metrics.breakerState.set({ dependency: name }, 0.5)
    log.info({ event: 'breaker.half_opened', dependency: name })
  })
  breaker.on('close', () => {
    metrics.breakerState.set({ dependency: name }, 0)
    log.info({ event: 'breaker.closed', dependency: name })
  })

  return async (operation, deadline, attempt) => {
    if (deadline.remainingMs() < limits.attemptMinMs) {
      return { kind: 'not-sent', cause: new Error('too little time left to ask') }
    }
    const attributes = { 'peer.service': name }
    return inSpan(operation, { kind: SpanKind.CLIENT, attributes }, async span => {
      const startedMs = performance.now()
      const isFair = deadline.remainingMs() >= limits.attemptMs * fairShareOfAttempt
      const outcome = await fire(breaker, attempt, deadline, isFair)
      const seconds = (performance.now() - startedMs) / 1000
      metrics.dependencyCallSeconds.observe({ dependency: name, outcome: outcome.kind }, seconds)
      span.setAttribute('nightshift.outcome', outcome.kind)
      if (outcome.kind === 'unknown' || outcome.kind === 'not-sent' || outcome.kind === 'bug') {
        span.setStatus({ code: SpanStatusCode.ERROR })
      }
      if (outcome.kind === 'bug') {
        log.error({ event: 'dependency.bug', dependency: name, operation, error: outcome.cause })
      }
      return outcome
    })
  }
}

async function fire<Value, Reason>(
  breaker: CircuitBreaker,
  attempt: (deadline: Deadline) => Promise<Outcome<Value, Reason>>,
  deadline: Deadline,
  isFair: boolean,
): Promise<Outcome<Value, Reason>> {
  try {
    return (await breaker.fire(async (perTry: Deadline) => {
      const outcome = await attempt(perTry)
      if (outcome.kind === 'unknown' || outcome.kind === 'not-sent') {
        throw new Failed(outcome, isFair)
      }
      return outcome
    }, deadline)) as Outcome<Value, Reason>
  } catch (error) {
    if (error instanceof Failed) return error.outcome
    const code = (error as { code?: string }).code
    if (code === 'EOPENBREAKER') return { kind: 'not-sent', cause: error }
    // ETIMEDOUT of the backstop: the attempt is still running somewhere.
    if (code === 'ETIMEDOUT') return { kind: 'unknown', cause: error }
    return { kind: 'bug', cause: error }
  }
}
