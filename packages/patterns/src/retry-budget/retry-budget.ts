/**
 * Fault:    a dependency refuses calls, and every layer above it repeats them.
 * Without:  load-tests/results/retry-layers.json (requests at the provider); the code is `naive.ts`.
 * With:     one layer retries, about a tenth of its calls, and not before the time in Retry-After.
 * Switch:   PATTERN_RETRY_BUDGET=naive
 */
import { NotTried, type Outcome, retryFloorMs } from '@nightshift/runtime/process/outcome'
import type { RetryMetrics } from './metrics.ts'
import type { Retries } from './types.ts'

export type RetryLimits = Readonly<{
  /** Repetitions of one call. */
  retriesMax: number
  /** Repetitions that each call pays for, as a share of one. */
  retryShare: number
  /** Repetitions per second that are paid for without any call, so that a quiet process has some. */
  retriesPerSecondMin: number
  /** Repetitions that can be saved up. They are what a burst of failures may add at once. */
  retriesSavedMax: number
  /** The first wait is a random one below this; each further bound is twice as long. */
  retryBaseMs: number
  /** The longest wait inside of a request. Whoever is told to wait longer leaves it to its caller. */
  retryCapMs: number
  /** After its wait a repetition must have this much time left, or it is not made. */
  retryLeftMinMs: number
}>

/** A wait that the other side asked for is prolonged by up to this share, so that callers spread. */
const floorJitter = 0.2

/**
 * A token bucket. Calls pay into it, repetitions take from it. While a dependency works there are
 * few repetitions, and each finds a token. When everything fails the bucket is soon empty, and the
 * load of the dependency stays at about `1 + retryShare` times the calls (Finagle's retry budget).
 *
 * Only what certainly had no effect is repeated here: no byte was sent, or the other side refused
 * for now. An unknown outcome is left to the reconciler.
 * @param now milliseconds of a monotonic clock
 */
export function retryBudget(
  limits: RetryLimits,
  metrics: RetryMetrics,
  now: () => number = () => performance.now(),
  random: () => number = Math.random,
): Retries {
  let tokens = limits.retriesSavedMax
  let filledAtMs = now()

  function add(more: number): void {
    tokens = Math.min(limits.retriesSavedMax, tokens + more)
  }

  function takeToken(): boolean {
    const atMs = now()
    add(((atMs - filledAtMs) / 1_000) * limits.retriesPerSecondMin)
    filledAtMs = atMs
    if (tokens < 1) return false
    tokens -= 1
    return true
  }

  return {
    begin: () => add(limits.retryShare),
    waitBeforeNext(triesMade, outcome, deadline) {
      if (triesMade > limits.retriesMax || !mayRepeat(outcome)) return undefined
      const floorMs = retryFloorMs(outcome)
      if (floorMs > limits.retryCapMs) {
        metrics.decided('too long')
        return undefined
      }
      const boundMs = Math.min(limits.retryCapMs, limits.retryBaseMs * 2 ** (triesMade - 1))
      const waitMs = Math.max(floorMs * (1 + floorJitter * random()), boundMs * random())
      if (deadline.remainingMs() - waitMs < limits.retryLeftMinMs) {
        metrics.decided('too late')
        return undefined
      }
      if (!takeToken()) {
        metrics.decided('no budget')
        return undefined
      }
      metrics.decided('repeated')
      return waitMs
    },
  }
}

function mayRepeat(outcome: Outcome<unknown, unknown>): boolean {
  if (outcome.kind === 'shed') return outcome.doNotRetry !== true
  // Our own breaker and bulkhead refuse to protect the dependency. To repeat would undo that.
  return outcome.kind === 'not-sent' && !(outcome.cause instanceof NotTried)
}
