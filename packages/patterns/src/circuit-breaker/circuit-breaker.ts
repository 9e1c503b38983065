/**
 * Fault:    a dependency is down, and every call to it waits until it times out.
 * Without:  load-tests/results/provider-down.json (requests while down); the code is `naive.ts`.
 * With:     after some failures calls end at once, and one at a time finds out when it is back.
 * Switch:   PATTERN_CIRCUIT_BREAKER=naive
 */
import type { Log } from '@nightshift/runtime/telemetry/logger'
import Opossum from 'opossum'
import type { CircuitBreakerLogEvent } from './log-events.ts'
import type { DependencyMetrics } from './metrics.ts'
import { reportStates } from './report-states.ts'

export type BreakerLimits = Readonly<{
  /** How far back it looks. */
  breakerWindowMs: number
  /** It judges by no fewer calls than these. */
  breakerVolumeMin: number
  breakerFailurePercent: number
  /** How long it stays open before it lets one call through. */
  breakerOpenMs: number
  /**
   * A probe that has not ended by then is given up, and the next call is a probe. Longer than any call
   * may take, or a slow dependency would never be judged.
   */
  breakerProbeMs: number
}>

export type BreakerMetrics = Pick<
  DependencyMetrics,
  'breakerState' | 'breakerTrips' | 'breakerProbes' | 'breakerRefused'
>

/** What the end of a call says about the dependency. A neutral end says nothing about it. */
export type CallResult = 'ok' | 'failed' | 'neutral'

/** A call that was let through. It is settled once. */
export type AdmittedCall = { settle: (result: CallResult) => Promise<void> }

export type CircuitBreaker = {
  /** Lets a call through, or answers undefined: while open, and half open while a probe is out. */
  admit: () => AdmittedCall | undefined
  /** Whether `admit` would answer undefined now. A job asks before it takes work, and nothing is counted. */
  isRefusing: () => boolean
}

class DependencyFailed extends Error {}

const probeResults = ['ok', 'failed', 'neutral', 'hung'] as const

/**
 * Opens when too many calls of the window failed. One breaker for each dependency of a process.
 *
 * It is opossum for its rolling window and its states, and nothing else (docs/decisions/0007). It is
 * fired after a call, with the result of the call, and never around it: opossum knows two ends of a
 * call only, and emits an error that its `errorFilter` lets pass as a success. That would close a
 * half-open breaker on a dead dependency, and dilute the rate of failures.
 *
 * Every wait is measured on the monotonic clock, so a clock step opens and closes nothing.
 */
export function circuitBreaker(
  dependency: string,
  limits: BreakerLimits,
  log: Log<CircuitBreakerLogEvent>,
  metrics: BreakerMetrics,
): CircuitBreaker {
  const states = new Opossum(
    async (result: 'ok' | 'failed') => {
      if (result === 'failed') throw new DependencyFailed()
    },
    {
      name: dependency,
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
  reportStates(states, dependency, log, metrics)
  const { breakerProbes, breakerRefused } = metrics
  for (const result of probeResults) breakerProbes.inc({ dependency, result }, 0)
  return admitBy(states, limits.breakerProbeMs, {
    refused: () => breakerRefused.inc({ dependency }),
    probed: result => breakerProbes.inc({ dependency, result }),
  })
}

type Counts = {
  refused: () => void
  probed: (result: (typeof probeResults)[number]) => void
}

/**
 * A call counts only if it ends in the period in which it was let through. Each change of the state
 * begins a period, and so does each probe: what was sent before says nothing about the dependency as
 * it is now, and neither does a probe that was given up.
 *
 * Half open, one call at a time is a probe. A neutral end leaves the breaker half open, and the next
 * call is a probe.
 */
function admitBy(
  states: Opossum<['ok' | 'failed'], void>,
  probeMs: number,
  { refused, probed }: Counts,
): CircuitBreaker {
  let period = {}
  let probeEndsMs: number | undefined
  const changed = () => {
    period = {}
    probeEndsMs = undefined
  }
  states.on('open', changed)
  states.on('halfOpen', changed)
  states.on('close', changed)
  const isRefusing = () => states.opened || performance.now() < (probeEndsMs ?? 0)
  const admit = () => {
    const isProbe = states.halfOpen
    if (isRefusing()) {
      refused()
      return undefined
    }
    if (probeEndsMs !== undefined) probed('hung')
    if (isProbe) {
      period = {}
      probeEndsMs = performance.now() + probeMs
    }
    const own = period
    return {
      settle: async (result: CallResult) => {
        if (own !== period) return
        if (isProbe) probed(result)
        if (result !== 'neutral') return record(states, result)
        if (isProbe) probeEndsMs = undefined
      },
    }
  }
  return { admit, isRefusing }
}

async function record(states: Opossum<['ok' | 'failed'], void>, result: 'ok' | 'failed') {
  await states.fire(result).catch((error: unknown) => {
    if (!(error instanceof DependencyFailed)) throw error
  })
}

/**
 * The same breaker for calls whose success says nothing about the others: a provider that answers
 * searches and does not charge would close it again and again. Their failures count.
 */
export function openedOnlyBy(breaker: CircuitBreaker): Pick<CircuitBreaker, 'admit'> {
  return {
    admit() {
      const call = breaker.admit()
      return call && { settle: result => call.settle(result === 'ok' ? 'neutral' : result) }
    },
  }
}
