import type { CircuitBreakerLogEvent } from '@nightshift/patterns/circuit-breaker/log-events'
import type { RuntimeLogEvent } from '@nightshift/runtime/telemetry/log-events'
import type { Log } from '@nightshift/runtime/telemetry/logger'

/** The log events of payments itself. The runtime and the patterns have their own. */
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
