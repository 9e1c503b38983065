import type { Position } from '@nightshift/runtime/kafka/consumer-progress'
import type { KafkaRecord } from '@nightshift/runtime/kafka/producer'
import type { ReceivedRecord } from '@nightshift/runtime/kafka/record-batches'

/** A broker takes 1 MiB by default; base64 makes four bytes of three. */
const letterBytesMax = 900_000

/** Keeps the bytes as they came, so that a replay is not a re-interpretation. */
export function deadLetterOf(
  service: string,
  record: ReceivedRecord,
  at: Position,
  reason: string,
): KafkaRecord {
  const headers = Object.entries(record.headers ?? {}).map(([name, value]) => [
    name,
    [value].flat().map(one => Buffer.from(one ?? '').toString('base64')),
  ])
  const { unreadable, timestamp } = record
  const place = {
    reason,
    ...at,
    // How many records a batch has is unknown when it can't be read; its offsets say how many at most.
    ...(unreadable && { firstOffset: unreadable.firstOffset, lastOffset: unreadable.lastOffset }),
    failedAt: new Date().toISOString(),
    timestamp,
  }
  const whole = JSON.stringify({
    ...place,
    ...(unreadable && { batch: unreadable.bytes.toString('base64') }),
    key: record.key?.toString('base64') ?? null,
    value: record.value?.toString('base64') ?? null,
    headers: Object.fromEntries(headers),
  })
  // A letter that the broker refuses as too large would hold its partition for ever. The place says
  // where the bytes are, for as long as the topic keeps them.
  const bytesLeftOut = (unreadable?.bytes ?? record.value)?.length ?? 0
  const withoutBytes = { ...place, key: null, value: null, headers: {}, bytesLeftOut }
  return {
    topic: `${service}.dead-letters.v1`,
    key: `${at.topic}/${at.partition}`,
    headers: {},
    value: Buffer.byteLength(whole) <= letterBytesMax ? whole : JSON.stringify(withoutBytes),
  }
}
