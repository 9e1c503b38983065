/** What an outbound call and its breaker log. */
export const circuitBreakerLogEvents = [
  'breaker.opened',
  'breaker.half_opened',
  'breaker.closed',
  'dependency.bug',
] as const

export type CircuitBreakerLogEvent = (typeof circuitBreakerLogEvents)[number]
