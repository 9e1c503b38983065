import { type DeadLetterFacts, type InboxRow, rowsOf, type TopicRecord } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import type { Finding } from '../verdict.ts'

/**
 * S14, and of S6 that an event is applied at all: every record of a topic was applied, was the
 * duplicate of one that was, or lies among the dead letters with a reason; and nothing else was.
 */
export function checkAccounting(facts: Facts): Finding[] {
  const { listingInbox, notificationInbox } = facts.evidence
  return [
    ...checkTopic(facts, 'payments.v1', 'listings.dead-letters.v1', rowsOf(listingInbox)),
    ...checkTopic(facts, 'listings.v1', 'notifications.dead-letters.v1', rowsOf(notificationInbox)),
  ]
}

function checkTopic(
  facts: Facts,
  topic: string,
  deadLetterTopic: string,
  inbox: readonly InboxRow[],
): Finding[] {
  const records = facts.records.filter(record => record.topic === topic)
  const letters = facts.records.filter(record => record.topic === deadLetterTopic)
  const putAside = new Set(
    letters.flatMap(({ deadLetter }) => (deadLetter ? placesOf(deadLetter) : [])),
  )
  const places = new Set(records.map(placeOf))
  const applied = new Set(inbox.map(({ eventId }) => eventId))
  const onTopic = new Set(records.map(({ event }) => event?.eventId))

  const unaccounted = records
    .filter(record => !putAside.has(placeOf(record)) && !applied.has(record.event?.eventId ?? ''))
    .flatMap(record => {
      const { event, unreadable } = record
      const name = `${placeOf(record)}${event ? ` (event ${event.eventId})` : ''}`
      const ids = event ? [event.eventId, event.aggregateId] : []
      const lost = s14(`${name} was neither applied nor put aside${because(unreadable)}`, ids)
      const { invariant: _, ...rest } = lost
      return event ? [lost, { invariant: 'S6' as const, ...rest }] : [lost]
    })
  const unsaid = inbox
    .filter(({ eventId }) => !onTopic.has(eventId))
    .map(({ eventId }) => s14(`event ${eventId} was applied, and is not on ${topic}`, [eventId]))
  const misplaced = letters
    .filter(({ deadLetter }) => !deadLetter || !placesOf(deadLetter).some(at => places.has(at)))
    .map(letter => s14(`${placeOf(letter)} is the dead letter of no record on ${topic}`, []))
  const silent = letters
    .filter(({ deadLetter }) => deadLetter?.reason.trim() === '')
    .map(letter => s14(`${placeOf(letter)} does not say why it was put aside`, []))
  return [...unaccounted, ...unsaid, ...misplaced, ...silent]
}

/**
 * S14: in a healthy system each record can be applied, so a dead letter is a finding, whatever its
 * reason is. Two are excused: payments for publications that never were, in a run that makes them,
 * and records that are no events, where the log of faults has another producer.
 */
export function checkNothingPutAside(
  facts: Facts,
  { paysDirectly = false }: { paysDirectly?: boolean },
): Finding[] {
  const recordAt = new Map(facts.records.map(record => [placeOf(record), record]))
  const letters = new Map(
    facts.records.flatMap(({ deadLetter }) =>
      deadLetter === undefined ? [] : [[placeOf(deadLetter), deadLetter] as const],
    ),
  )
  const hasOtherProducer = rowsOf(facts.evidence.faultLog).some(({ kind }) => kind === 'producer')
  return [...letters].flatMap(([place, { reason }]) => {
    const record = recordAt.get(place)
    // A letter of no record, or without a reason, is a finding of its own.
    if (record === undefined || reason.trim() === '') return []
    const { event } = record
    if (event === undefined && hasOtherProducer) return []
    const publicationId = event?.publicationId ?? undefined
    const isForNothing = publicationId !== undefined && !facts.publicationById.has(publicationId)
    if (paysDirectly && isForNothing) return []
    const ids = event ? [event.eventId, event.aggregateId] : []
    return [s14(`${place} was put aside: ${reason}`, ids)]
  })
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason}`
}

/** A batch that could not be read is put aside as a whole. */
function placesOf(letter: DeadLetterFacts): string[] {
  const { offset: last, firstOffset = last } = letter
  const length = Math.min(Math.max(last - firstOffset + 1, 1), batchRecordsMax)
  return Array.from({ length }, (_, i) => placeOf({ ...letter, offset: last - i }))
}

/** A letter may say anything, and must not make the auditor run out of memory. */
const batchRecordsMax = 100_000

function placeOf({
  topic,
  partition,
  offset,
}: Pick<TopicRecord, 'topic' | 'partition' | 'offset'>) {
  return `${topic}/${partition}@${offset}`
}

function s14(message: string, ids: string[]): Finding {
  return { invariant: 'S14', message, ids }
}
