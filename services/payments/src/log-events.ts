import type { CircuitBreakerLogEvent } from '@nightshift/patterns/circuit-breaker/log-events'
import type { RuntimeLogEvent } from '@nightshift/runtime/telemetry/log-events'
import type { Log } from '@nightshift/runtime/telemetry/logger'

/** The log events of payments itself. The runtime and the patterns have their own. */
export const paymentsLogEvents = {
  'payment.reconciled':
    'The job looked at a payment whose outcome was open; the line has the status that it has now.',
  'refund.reconciled': 'The job looked at a refund that was pending.',
  'refund.blocked': 'The provider will never make this refund. A person has to decide.',
  'webhook.refused': 'A webhook had a bad signature, or was no event.',
  'webhook.parked':
    'A webhook is about a payment that is not known here. A person has to look if that repeats.',
} as const

export type PaymentsLog = Log<
  RuntimeLogEvent | CircuitBreakerLogEvent | keyof typeof paymentsLogEvents
>
