import type { RuntimeLogEvent } from '@nightshift/runtime/telemetry/log-events'
import type { Log } from '@nightshift/runtime/telemetry/logger'

/** The log events of the console itself. */
export const consoleLogEvents = [
  'console.started',
  'console.look_failed',
  'console.heal_failed',
  'console.action_failed',
  'console.lab_failed',
] as const

export type ConsoleLog = Log<RuntimeLogEvent | (typeof consoleLogEvents)[number]>
