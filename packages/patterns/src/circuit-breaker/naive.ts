import type { CircuitBreaker } from './circuit-breaker.ts'

/**
 * What most teams ship first: no breaker at all. Every call goes out, however many have failed. While the dependency is down each caller waits for its own timeout, and the dependency gets the
 * full load in the moment in which it comes back.
 */
export function noBreaker(): CircuitBreaker {
  return { admit: () => ({ settle: async () => {} }), isRefusing: () => false }
}
