import type { DeadLettersLogEvent } from '@nightshift/patterns/dead-letters/log-events'
import type { RuntimeLogEvent } from '@nightshift/runtime/telemetry/log-events'
import type { Log } from '@nightshift/runtime/telemetry/logger'

/** What notifications logs itself, beside what the runtime and its patterns log. */
export const notificationsLogEvents = [
  'mail.sent',
  'mail.postponed',
  'mail.failed',
  'mail.suppressed',
  'mail.superseded',
] as const

export type NotificationsLog = Log<
  RuntimeLogEvent | DeadLettersLogEvent | (typeof notificationsLogEvents)[number]
>
