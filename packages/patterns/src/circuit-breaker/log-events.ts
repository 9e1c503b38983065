/** What an outbound call and its breaker log. */
export const circuitBreakerLogEvents = {
  'breaker.opened': 'Calls to a dependency failed so often that they are not made for now.',
  'breaker.half_opened': 'One call goes through, as a probe.',
  'breaker.closed': 'The dependency answers again, and every call is made.',
  'dependency.bug':
    'A dependency answered what cannot be true, or our own code failed at its answer. A person has to look.',
} as const

export type CircuitBreakerLogEvent = keyof typeof circuitBreakerLogEvents
