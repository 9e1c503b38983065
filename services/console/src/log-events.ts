import type { RuntimeLogEvent } from '@nightshift/runtime/telemetry/log-events'
import type { Log } from '@nightshift/runtime/telemetry/logger'

/** The log events of the console itself. */
export const consoleLogEvents = {
  'console.started': 'The page can be opened.',
  'console.look_failed':
    'A look at the system failed as a whole. The next one comes a second later.',
  'console.heal_failed': 'A fault did not heal at its time.',
  'console.action_failed':
    'Something that a person asked for failed; the page shows the same reason.',
  'console.lab_failed': 'A system of the first screen could not be started or ended.',
} as const

export type ConsoleLog = Log<RuntimeLogEvent | keyof typeof consoleLogEvents>
