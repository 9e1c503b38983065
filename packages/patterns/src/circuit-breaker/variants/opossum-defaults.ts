import type { Log } from '@nightshift/runtime/telemetry/logger'
import Opossum from 'opossum'
import type { CircuitBreaker } from '../circuit-breaker.ts'
import type { CircuitBreakerLogEvent } from '../log-events.ts'
import type { DependencyMetrics } from '../metrics.ts'
import { reportStates } from '../report-states.ts'

/** The options of opossum's README. All others are its defaults. */
const readmeOptions = { timeout: 3_000, errorThresholdPercentage: 50, resetTimeout: 30_000 }

/** A call as opossum sees it: an action that it begins, and that ends when the call is settled. */
type FiredCall = { isSent: boolean; ended: Promise<void> }

class CallFailed extends Error {}
class SaysNothing extends Error {}

/**
 * opossum as its README shows it: fired around the call. It differs from the pattern in five ways.
 *
 * - The first failed call of a quiet time opens it, because by default one call is enough to judge by.
 * - Under load it opens late: a call in flight counts as one that has not failed.
 * - It stays open for 30 s, however soon the dependency is back.
 * - opossum knows two ends of a call. A neutral one, such as a 429, is an error that its `errorFilter`
 *   lets pass, and counts as a success: it closes a half-open breaker.
 * - After 3 s it counts a call as failed, and the call goes on.
 *
 * Two things of the README are missing, because the type of a breaker has no place for them: the
 * caller waits for the call itself, and not for opossum's timeout, and there is no fallback.
 */
export function opossumDefaults(
  dependency: string,
  log: Log<CircuitBreakerLogEvent>,
  metrics: Pick<DependencyMetrics, 'breakerState' | 'breakerTrips' | 'breakerRefused'>,
): CircuitBreaker {
  const around = async (call: FiredCall) => {
    call.isSent = true
    await call.ended
  }
  const states = new Opossum(around, {
    ...readmeOptions,
    name: dependency,
    errorFilter: error => error instanceof SaysNothing,
  })
  reportStates(states, dependency, log, metrics)
  return {
    admit: () => {
      const end = Promise.withResolvers<void>()
      const call: FiredCall = { isSent: false, ended: end.promise }
      // Every error of the call is in its outcome already; opossum's own errors are seen in isSent.
      const counted = states.fire(call).catch(() => {})
      if (!call.isSent) {
        metrics.breakerRefused.inc({ dependency })
        return undefined
      }
      return {
        settle: async result => {
          if (result === 'ok') end.resolve()
          else end.reject(result === 'failed' ? new CallFailed() : new SaysNothing())
          await counted
        },
      }
    },
    isRefusing: () => states.opened,
  }
}
