import { ListingEvent, PaymentEvent } from '@nightshift/contracts/events'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { EventFacts, PartitionRow, TopicRecord } from '../evidence.ts'

export type RawRecord = { offset: number; t: number; key: Buffer | null; value: Buffer | null }

/** The fields of a dead letter that the checks need: the place of the record, and the reason. */
const DeadLetter = Type.Object({
  reason: Type.String(),
  topic: Type.String(),
  partition: Type.Integer(),
  offset: Type.String({ pattern: '^[0-9]{1,15}$' }),
  firstOffset: Type.Optional(Type.String({ pattern: '^[0-9]{1,15}$' })),
})

const paymentEvent = Compile(PaymentEvent)
const listingEvent = Compile(ListingEvent)
const deadLetter = Compile(DeadLetter)

/** Keeps the fields that the checks need. A record that breaks the contract of its topic is unreadable. */
export function recordOf(raw: RawRecord, at: PartitionRow, prefix: string): TopicRecord {
  const topic = at.topic.slice(prefix.length)
  const place = { topic, partition: at.partition, offset: raw.offset, t: raw.t }
  const value = decode(raw.value)
  if (topic.includes('dead-letters')) {
    if (!deadLetter.Check(value)) return { ...place, unreadable: 'it is no dead letter' }
    const { reason, partition, offset } = value
    const from = value.topic.slice(value.topic.startsWith(prefix) ? prefix.length : 0)
    const first = value.firstOffset
    const range = first === undefined ? {} : { firstOffset: Number(first) }
    return {
      ...place,
      deadLetter: { topic: from, partition, offset: Number(offset), ...range, reason },
    }
  }
  const event = factsOf(topic, value)
  if (!event) return { ...place, unreadable: `it breaks the contract of ${topic}` }
  return { ...place, event }
}

function factsOf(topic: string, value: unknown): EventFacts | undefined {
  if (topic === 'payments.v1' && paymentEvent.Check(value)) {
    const { listingId, publicationId, paymentId, amountCents, currency } = value.data
    const data = { listingId, publicationId, paymentId, amountCents, currency }
    return { ...envelopeOf(value), ...data }
  }
  if (topic === 'listings.v1' && listingEvent.Check(value)) {
    const { listingId, publicationId, paymentId } = value.data
    return { ...envelopeOf(value), listingId, publicationId, paymentId }
  }
  return undefined
}

function envelopeOf(event: PaymentEvent | ListingEvent) {
  const { eventId, type, tenantId, aggregateId, aggregateVersion, occurredAt } = event
  const time = { occurredAt: Date.parse(occurredAt) }
  return { eventId, type, tenantId, aggregateId, aggregateVersion, ...time }
}

/** Decodes strictly, as the services do: no byte is replaced, and a byte order mark is dropped. */
function decode(value: Buffer | null): unknown {
  if (value === null) return undefined
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value))
  } catch {
    return undefined // matches no contract, which the caller reports
  }
}
