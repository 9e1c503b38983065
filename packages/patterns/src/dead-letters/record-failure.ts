import { isPostgresContention, isPostgresOutage } from '@nightshift/runtime/postgres/postgres'

/** How deep an error may wrap the error that caused it. */
const causesMax = 5

/**
 * `outage`: every record would fail, so this one waits without limit. `contention`: other work was in
 * the way, and usually is not for long. `own`: it is about this record.
 */
export type RecordFailure = 'outage' | 'contention' | 'own'

/** Decides whether a record waits for a dependency or is on its way to becoming a dead letter. */
export function classifyFailure(error: unknown): RecordFailure {
  if (isPostgresOutage(error) || isKafkaOutage(error)) return 'outage'
  return isPostgresContention(error) ? 'contention' : 'own'
}

/** KafkaJS marks a refused connection as not retriable, so only the protocol's own type counts. */
function isKafkaOutage(error: unknown): boolean {
  if (!(error instanceof Error) || !error.name.startsWith('Kafka')) return false
  let cause: unknown = error
  for (let depth = 0; depth < causesMax && cause instanceof Error; depth += 1) {
    const { type } = cause as { type?: unknown }
    if (typeof type === 'string' && refusedRecordTypes.has(type)) return false
    cause = cause.cause
  }
  return true
}

/** Answers of a broker about a record that it will never take. */
const refusedRecordTypes = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_TIMESTAMP',
  'INVALID_RECORD',
  'INVALID_TOPIC_EXCEPTION',
  'CORRUPT_MESSAGE',
])
