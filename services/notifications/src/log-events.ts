import type { CircuitBreakerLogEvent } from '@nightshift/patterns/circuit-breaker/log-events'
import type { DeadLettersLogEvent } from '@nightshift/patterns/dead-letters/log-events'
import type { RuntimeLogEvent } from '@nightshift/runtime/telemetry/log-events'
import type { Log } from '@nightshift/runtime/telemetry/logger'

/** The log events of notifications itself. The runtime and the patterns have their own. */
export const notificationsLogEvents = [
  'mail.sent',
  'mail.postponed',
  'mail.failed',
  'mail.suppressed',
  'mail.superseded',
] as const

export type NotificationsLog = Log<
  | RuntimeLogEvent
  | DeadLettersLogEvent
  | CircuitBreakerLogEvent
  | (typeof notificationsLogEvents)[number]
>
