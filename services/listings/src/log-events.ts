import type { CircuitBreakerLogEvent } from '@nightshift/patterns/circuit-breaker/log-events'
import type { DeadLettersLogEvent } from '@nightshift/patterns/dead-letters/log-events'
import type { RuntimeLogEvent } from '@nightshift/runtime/telemetry/log-events'
import type { Log } from '@nightshift/runtime/telemetry/logger'

/** The log events of listings itself. The runtime and the patterns have their own. */
export const listingsLogEvents = ['publication.resumed', 'pattern.unaffected'] as const

export type ListingsLog = Log<
  | RuntimeLogEvent
  | DeadLettersLogEvent
  | CircuitBreakerLogEvent
  | (typeof listingsLogEvents)[number]
>
