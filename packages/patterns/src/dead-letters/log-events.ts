/** What the delivery of a record that fails logs. */
export const deadLettersLogEvents = ['event.retried', 'event.dead_lettered'] as const

export type DeadLettersLogEvent = (typeof deadLettersLogEvents)[number]
