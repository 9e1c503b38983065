import { type Deadline, withinDeadline } from '@nightshift/runtime/process/deadline'
import type { Outcome } from '@nightshift/runtime/process/outcome'
import type { Log } from '@nightshift/runtime/telemetry/logger'
import { secondsBuckets } from '@nightshift/runtime/telemetry/metrics'
import { inSpan } from '@nightshift/runtime/telemetry/tracing'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import CircuitBreaker from 'opossum'
import { Gauge, Histogram, type Registry } from 'prom-client'
import type { CircuitBreakerLogEvent } from './log-events.ts'

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

/** The metrics of all dependencies of one process. */
export function dependencyMetrics(registry: Registry) {
  const registers = [registry]
  return {
    callSeconds: new Histogram({
      name: 'dependency_call_duration_seconds',
      help: 'Time spent waiting for another service or an outside party, per outcome.',
      labelNames: ['dependency', 'outcome'] as const,
      buckets: secondsBuckets,
      registers,
    }),
    breakerState: new Gauge({
      name: 'breaker_state',
      help: 'State of a circuit breaker: 0 closed, 0.5 half open, 1 open.',
      labelNames: ['dependency'] as const,
      registers,
    }),
  }
}

export type DependencyMetrics = ReturnType<typeof dependencyMetrics>

/** With less of an attempt's time than this, a missing answer says nothing about the dependency. */
const fairShareOfAttempt = 0.5
/** An attempt ends by its own deadline. One that has not ended this long after it never will. */
const backstopMs = 1_000

/**
 * The one way to call another service or an outside party, in this order:
 * deadline check -> breaker -> per-try timeout -> call. Nobody wraps by hand.
 */
export function dependency(
  name: string,
  limits: DependencyLimits,
  log: Log<CircuitBreakerLogEvent>,
  metrics: DependencyMetrics,
): CallDependency {
  const admit = openBreaker(name, limits, log, metrics)

  return async (operation, deadline, attempt) => {
    if (deadline.remainingMs() < limits.attemptMinMs) {
      return { kind: 'not-sent', cause: new Error('too little time left to ask') }
    }
    const attributes = { 'peer.service': name }
    return inSpan(operation, { kind: SpanKind.CLIENT, attributes }, async span => {
      const startedMs = performance.now()
      const isFair = deadline.remainingMs() >= limits.attemptMs * fairShareOfAttempt
      const perTry = withinDeadline(deadline, limits.attemptMs)
      const outcome = await guardedBy(admit, isFair, () => endedBy(perTry, attempt))
      const seconds = (performance.now() - startedMs) / 1000
      metrics.callSeconds.observe({ dependency: name, outcome: outcome.kind }, seconds)
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

/** What the end of a call says about the dependency. Only `ok` and `failed` reach the breaker. */
type Verdict = 'ok' | 'failed' | 'neutral'

/**
 * A declined card is an answer, so the dependency is well. A dependency that sheds load, or says that
 * we misuse it, says nothing about the next call. Neither does a missing answer that its caller had
 * left too little time for: whoever asks for 60 ms, again and again, would open the breaker for all.
 */
function verdictOf(outcome: Outcome<unknown, unknown>, isFair: boolean): Verdict {
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

/** A call that the breaker has let through. It is settled once. */
type Admitted = { settle: (verdict: Verdict) => Promise<void> }

/** Lets a call through, or not: while open, and while half open with a probe on its way. */
type Admit = () => Admitted | undefined

async function guardedBy<Value, Reason>(
  admit: Admit,
  isFair: boolean,
  call: () => Promise<Outcome<Value, Reason>>,
): Promise<Outcome<Value, Reason>> {
  const admitted = admit()
  if (!admitted) return { kind: 'not-sent', cause: new Error('the breaker is open') }
  const outcome = await call().catch((cause: unknown) => ({ kind: 'bug', cause }) as const)
  await admitted.settle(verdictOf(outcome, isFair))
  return outcome
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

class DependencyFailed extends Error {}

/**
 * opossum for its rolling window and its states, and nothing else (docs/decisions/0007). It is fired
 * after a call, with what the call said about the dependency, and never around it: opossum knows two
 * ends of a call only, and an error that its `errorFilter` lets pass is emitted as a success. That
 * would close a half-open breaker on a dead dependency, and dilute the rate of failures.
 */
function openBreaker(
  name: string,
  limits: DependencyLimits,
  log: Log<CircuitBreakerLogEvent>,
  metrics: DependencyMetrics,
): Admit {
  const breaker = new CircuitBreaker(
    async (verdict: 'ok' | 'failed') => {
      if (verdict === 'failed') throw new DependencyFailed()
    },
    {
      name,
      timeout: false,
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
  return admission(breaker)
}

/**
 * Half open, one call at a time is a probe. A neutral end leaves the breaker half open and gives the
 * probe to the next caller. A call that was sent before the breaker opened, and ends afterwards, says
 * nothing about the dependency of now.
 */
function admission(breaker: CircuitBreaker<['ok' | 'failed'], void>): Admit {
  let isProbing = false
  return () => {
    const isProbe = breaker.halfOpen
    if (breaker.opened || (isProbe && isProbing)) return undefined
    isProbing ||= isProbe
    return {
      settle: async verdict => {
        if (isProbe) isProbing = false
        if (verdict === 'neutral' || (!isProbe && !breaker.closed)) return
        await breaker.fire(verdict).catch((error: unknown) => {
          if (!(error instanceof DependencyFailed)) throw error
        })
      },
    }
  }
}
