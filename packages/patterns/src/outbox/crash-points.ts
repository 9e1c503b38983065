import { reachCrashPoint } from '@nightshift/runtime/process/crashpoint'

/** The places at which an experiment can end a process with an outbox, and what is true there. */
export const outboxCrashPoints = {
  'outbox.committed':
    'State and event are committed. Nothing is published, and the caller has no answer.',
  'relay.published':
    'Kafka has the events, and the outbox still lists them: they will be published again.',
} as const

export const crashpoint = (label: keyof typeof outboxCrashPoints) => reachCrashPoint(label)
