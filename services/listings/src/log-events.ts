import type { CircuitBreakerLogEvent } from '@nightshift/patterns/circuit-breaker/log-events'
import type { DeadLettersLogEvent } from '@nightshift/patterns/dead-letters/log-events'
import type { RuntimeLogEvent } from '@nightshift/runtime/telemetry/log-events'
import type { Log } from '@nightshift/runtime/telemetry/logger'

/** The log events of listings itself. The runtime and the patterns have their own. */
export const listingsLogEvents = {
  'publication.resumed': 'The job went on with a publication that no request finishes any more.',
  'pattern.unaffected':
    'A variant of a pattern is only about payments, and listings runs as always.',
} as const

export type ListingsLog = Log<
  RuntimeLogEvent | DeadLettersLogEvent | CircuitBreakerLogEvent | keyof typeof listingsLogEvents
>
