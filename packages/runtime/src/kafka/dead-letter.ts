import type { KafkaMessage } from 'kafkajs'
import type { KafkaRecord } from './producer.ts'
import type { UnreadableBatch } from './record-batches.ts'

export type Position = { topic: string; partition: number; offset: string }

/** A broker takes 1 MiB by default; base64 makes four bytes of three. */
const letterBytesMax = 900_000

/** The bytes as they came, so that a replay is not a re-interpretation. */
export function deadLetterOf(
  service: string,
  message: KafkaMessage & { unreadable?: UnreadableBatch },
  at: Position,
  reason: string,
): KafkaRecord {
  const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [
    name,
    [value].flat().map(one => Buffer.from(one ?? '').toString('base64')),
  ])
  const { unreadable, timestamp } = message
  const place = {
    reason,
    ...at,
    // Of a batch that can't be read it is unknown how many records it has.
    ...(unreadable && { firstOffset: unreadable.firstOffset, lastOffset: unreadable.lastOffset }),
    failedAt: new Date().toISOString(),
    timestamp,
  }
  const whole = JSON.stringify({
    ...place,
    ...(unreadable && { batch: unreadable.bytes.toString('base64') }),
    key: message.key?.toString('base64') ?? null,
    value: message.value?.toString('base64') ?? null,
    headers: Object.fromEntries(headers),
  })
  // A letter that the broker refuses as too large would hold its partition for ever. The place says
  // where the bytes are, for as long as the topic keeps them.
  const bytesLeftOut = (unreadable?.bytes ?? message.value)?.length ?? 0
  const withoutBytes = { ...place, key: null, value: null, headers: {}, bytesLeftOut }
  return {
    topic: `${service}.dead-letters.v1`,
    key: `${at.topic}/${at.partition}`,
    headers: {},
    value: Buffer.byteLength(whole) <= letterBytesMax ? whole : JSON.stringify(withoutBytes),
  }
}
