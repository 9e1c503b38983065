import { isPostgresContention, isPostgresOutage } from '../postgres/postgres.ts'

/** A record that fails this often by itself is a poison pill. */
export const ownFailuresMax = 5
/** Contention usually passes: about ten seconds of it, the pauses between the attempts included. */
export const contentionFailuresMax = 20
/** How deep an error may wrap the error that caused it. */
const causesMax = 5

/** `outage`: every record would fail, so it is retried without limit. The others have limits. */
export type RecordFailure = 'outage' | 'contention' | 'own'

/** Decides whether a record waits for a dependency or is on its way to becoming a dead letter. */
export function classifyFailure(error: unknown): RecordFailure {
  if (isPostgresOutage(error) || isKafkaOutage(error)) return 'outage'
  return isPostgresContention(error) ? 'contention' : 'own'
}

/** A handler may throw anything. */
export function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : typeof thrown
}

/** KafkaJS marks a refused connection as not retriable, so only the protocol's own word counts. */
function isKafkaOutage(error: unknown): boolean {
  if (!nameOf(error).startsWith('Kafka')) return false
  let cause = error
  for (let depth = 0; depth < causesMax && cause instanceof Error; depth += 1) {
    const { type } = cause as { type?: unknown }
    if (typeof type === 'string' && refusedRecordTypes.has(type)) return false
    cause = cause.cause
  }
  return true
}

/** What a broker says of a record that it will never take. */
const refusedRecordTypes = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_TIMESTAMP',
  'INVALID_RECORD',
  'INVALID_TOPIC_EXCEPTION',
  'CORRUPT_MESSAGE',
])
