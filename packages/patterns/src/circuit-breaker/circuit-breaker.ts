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

export type BreakerLimits = Readonly<{
  /** How far back it looks. */
  breakerWindowMs: number
  /** It judges by no fewer calls than these. */
  breakerVolumeMin: number
  breakerFailurePercent: number
  /** How long it stays open before it lets one call through. */
  breakerOpenMs: number
}>

/** What the end of a call says about the dependency. A neutral end says nothing about it. */
export type CallResult = 'ok' | 'failed' | 'neutral'

/** A call that was let through. It is settled once. */
export type AdmittedCall = { settle: (result: CallResult) => Promise<void> }

export type CircuitBreaker = {
  /** Lets a call through, or answers undefined: while open, and half open while a probe is out. */
  admit: () => AdmittedCall | undefined
}

class DependencyFailed extends Error {}

/**
 * Opens when too many calls of the window failed. One breaker for each dependency of a process.
 *
 * It is opossum for its rolling window and its states, and nothing else (docs/decisions/0007). It is
 * fired after a call, with the result of the call, and never around it: opossum knows two ends of a
 * call only, and emits an error that its `errorFilter` lets pass as a success. That would close a
 * half-open breaker on a dead dependency, and dilute the rate of failures.
 */
export function circuitBreaker(
  dependency: string,
  limits: BreakerLimits,
  log: Log<CircuitBreakerLogEvent>,
  { breakerState }: Pick<DependencyMetrics, 'breakerState'>,
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
  breakerState.set({ dependency }, 0)
  states.on('open', () => {
    breakerState.set({ dependency }, 1)
    log.warn({ event: 'breaker.opened', dependency })
  })
  states.on('halfOpen', () => {
    breakerState.set({ dependency }, 0.5)
    log.info({ event: 'breaker.half_opened', dependency })
  })
  states.on('close', () => {
    breakerState.set({ dependency }, 0)
    log.info({ event: 'breaker.closed', dependency })
  })
  return { admit: admitBy(states) }
}

/**
 * Half open, one call at a time is a probe. A neutral end leaves the breaker half open and gives the
 * probe to the next caller. A call that was sent before the breaker opened, and ends afterwards, says
 * nothing about the dependency as it is now.
 */
function admitBy(states: Opossum<['ok' | 'failed'], void>): CircuitBreaker['admit'] {
  let isProbing = false
  return () => {
    const isProbe = states.halfOpen
    if (states.opened || (isProbe && isProbing)) return undefined
    isProbing ||= isProbe
    return {
      settle: async result => {
        if (isProbe) isProbing = false
        if (result === 'neutral' || (!isProbe && !states.closed)) return
        await states.fire(result).catch((error: unknown) => {
          if (!(error instanceof DependencyFailed)) throw error
        })
      },
    }
  }
}
