import { type DeadLetterFacts, type InboxRow, rowsOf, type TopicRecord } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import { oldestKeptMs } from '../oldest-kept.ts'
import type { Finding } from '../verdict.ts'

/**
 * S14: every consumed record was applied, was a duplicate, or is dead-lettered with a reason. An event
 * that is none of these also breaks S6 (each event is applied once).
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
  const deadLettered = new Set(
    letters.flatMap(({ deadLetter }) => (deadLetter ? placesOf(deadLetter) : [])),
  )
  const places = new Set(records.map(placeOf))
  // A dead letter is kept longer than its record, and an inbox longer than what it remembers. Both may
  // be much younger than their event, which a consumer may have reached late.
  const keptFromMs = oldestKeptMs(facts.evidence, topic)
  const madeAt = timesOfEvents(facts)
  const isForgotten = forgottenPlaces(facts)
  const applied = new Set(inbox.map(({ eventId }) => eventId))
  const onTopic = new Set(records.map(({ event }) => event?.eventId))

  const unaccounted = records
    .filter(
      record => !deadLettered.has(placeOf(record)) && !applied.has(record.event?.eventId ?? ''),
    )
    .flatMap(record => {
      const { event, unreadable } = record
      const name = `${placeOf(record)}${event ? ` (event ${event.eventId})` : ''}`
      const ids = event ? [event.eventId, event.aggregateId] : []
      const why = unreadable === undefined ? '' : `: ${unreadable}`
      const message = `${name} was neither applied nor dead-lettered${why}`
      return event
        ? [s14(message, ids), { promise: 'S6' as const, message, ids }]
        : [s14(message, ids)]
    })
  const unpublished = inbox
    .filter(({ eventId }) => !onTopic.has(eventId))
    .filter(({ eventId, appliedAt }) => (madeAt.get(eventId) ?? appliedAt) > keptFromMs)
    .map(({ eventId }) => s14(`event ${eventId} was applied, and is not on ${topic}`, [eventId]))
  const misplaced = letters
    .filter(({ t, deadLetter }) => t > keptFromMs && !(deadLetter && isForgotten(deadLetter)))
    .filter(({ deadLetter }) => !deadLetter || !placesOf(deadLetter).some(at => places.has(at)))
    .map(letter => s14(`${placeOf(letter)} is the dead letter of no record on ${topic}`, []))
  const withoutReason = letters
    .filter(({ deadLetter }) => deadLetter?.reason.trim() === '')
    .map(letter => s14(`${placeOf(letter)} has no reason`, []))
  return [...unaccounted, ...unpublished, ...misplaced, ...withoutReason]
}

/** When each event was made, as far as the outboxes remember it. */
function timesOfEvents({ evidence }: Facts): Map<string, number> {
  const outboxes = [...rowsOf(evidence.paymentOutbox), ...rowsOf(evidence.listingOutbox)]
  return new Map(outboxes.map(({ eventId, createdAt }) => [eventId, createdAt]))
}

/** Tells whether the record of a dead letter was before the first that its partition still has. */
function forgottenPlaces({ evidence }: Facts): (letter: DeadLetterFacts) => boolean {
  const starts = new Map(
    rowsOf(evidence.partitions).map(row => [`${row.topic}/${row.partition}`, row.start]),
  )
  return ({ topic, partition, offset }) => offset < (starts.get(`${topic}/${partition}`) ?? 0)
}

export type DeadLetterOptions = {
  /**
   * The clients of this run pay at payments for publications that listings does not know. No user does
   * that. Listings dead-letters the event of each such payment, and that is no finding then.
   */
  paysDirectly?: boolean
}

/**
 * S14: in a healthy system every record can be applied, so a dead letter is a finding, whatever its
 * reason. There are two excuses. A run may pay for publications that listings does not know
 * (`paysDirectly`). And another producer that is in the fault log may write records that are no events.
 */
export function checkNoDeadLetter(
  facts: Facts,
  { paysDirectly = false }: DeadLetterOptions,
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
    // `checkAccounting` reports a dead letter of no record, and one without a reason.
    if (record === undefined || reason.trim() === '') return []
    const { event } = record
    if (event === undefined && hasOtherProducer) return []
    const publicationId = event?.publicationId ?? undefined
    const isForNothing = publicationId !== undefined && !facts.publicationById.has(publicationId)
    if (paysDirectly && isForNothing) return []
    const ids = event ? [event.eventId, event.aggregateId] : []
    return [s14(`${place} was dead-lettered: ${reason}`, ids)]
  })
}

/** One dead letter stands for a whole batch if the batch could not be read. */
function placesOf(letter: DeadLetterFacts): string[] {
  const { offset: last, firstOffset = last } = letter
  const length = Math.min(Math.max(last - firstOffset + 1, 1), batchRecordsMax)
  return Array.from({ length }, (_, i) => placeOf({ ...letter, offset: last - i }))
}

/** The range in a dead letter is untrusted input, and must not exhaust the auditor's memory. */
const batchRecordsMax = 100_000

function placeOf({
  topic,
  partition,
  offset,
}: Pick<TopicRecord, 'topic' | 'partition' | 'offset'>) {
  return `${topic}/${partition}@${offset}`
}

function s14(message: string, ids: string[]): Finding {
  return { promise: 'S14', message, ids }
}
