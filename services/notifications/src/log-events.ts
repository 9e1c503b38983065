import type { CircuitBreakerLogEvent } from '@nightshift/patterns/circuit-breaker/log-events'
import type { DeadLettersLogEvent } from '@nightshift/patterns/dead-letters/log-events'
import type { RuntimeLogEvent } from '@nightshift/runtime/telemetry/log-events'
import type { Log } from '@nightshift/runtime/telemetry/logger'

/** The log events of notifications itself. The runtime and the patterns have their own. */
export const notificationsLogEvents = {
  'mail.sent': 'The mail server accepted a mail.',
  'mail.postponed': 'An attempt did not succeed, and the mail is tried again.',
  'mail.failed': 'A mail is given up, with its reason.',
  'mail.suppressed':
    'A mail was not sent, because its address was unsubscribed or confirmed meanwhile.',
  'mail.superseded':
    'An attempt was late: another sender has taken over, so its outcome was not recorded.',
} as const

export type NotificationsLog = Log<
  | RuntimeLogEvent
  | DeadLettersLogEvent
  | CircuitBreakerLogEvent
  | keyof typeof notificationsLogEvents
>
