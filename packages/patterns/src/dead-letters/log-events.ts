/** What the delivery of a record that fails logs. */
export const deadLettersLogEvents = {
  'event.retried': 'A record could not be applied, and is tried again after a pause.',
  'event.dead_lettered':
    'A record was put aside, with its position and the reason. A person has to look.',
} as const

export type DeadLettersLogEvent = keyof typeof deadLettersLogEvents
