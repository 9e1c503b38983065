import type { CircuitBreakerLogEvent } from '@nightshift/patterns/circuit-breaker/log-events'
import type { RuntimeLogEvent } from '@nightshift/runtime/telemetry/log-events'
import type { Log } from '@nightshift/runtime/telemetry/logger'

/** What payments logs itself, beside what the runtime and its patterns log. */
export const paymentsLogEvents = [
  'payment.reconciled',
  'refund.reconciled',
  'refund.blocked',
  'webhook.refused',
  'webhook.parked',
] as const

export type PaymentsLog = Log<
  RuntimeLogEvent | CircuitBreakerLogEvent | (typeof paymentsLogEvents)[number]
>
