import { type PaymentRow, rowsOf } from '../evidence.ts'
import type { EventRecord, Facts } from '../facts.ts'
import { oldestKeptMs } from '../oldest-kept.ts'
import type { Finding, PromiseCode } from '../verdict.ts'

/**
 * S4: every committed event is on its topic, as far back as the topic goes. That an outbox calls it
 * published is not enough.
 */
export function checkNoLostEvent(facts: Facts): Finding[] {
  const isKept = (topic: string) => {
    const fromMs = oldestKeptMs(facts.evidence, topic)
    return (t: number) => t > fromMs
  }
  const isPaymentKept = isKept('payments.v1')
  const isListingKept = isKept('listings.v1')
  const isPublished = (aggregateId: string, type: string) =>
    facts.eventsByAggregate.get(aggregateId)?.some(({ event }) => event.type === type) ?? false
  const payments = facts.payments
    .filter(({ status }) => status === 'captured' || status === 'declined')
    .filter(payment => isPaymentKept(settledMs(facts, payment)))
    .filter(({ paymentId, status }) => !isPublished(paymentId, `payment.${status}`))
    .map(({ paymentId, publicationId, status }) =>
      finding('S4', `payment ${paymentId} is ${status}, and no event says so`, [
        paymentId,
        publicationId,
      ]),
    )
  const listings = facts.listings
    .filter(({ status, publishedAt }) => status === 'live' && isListingKept(publishedAt ?? 0))
    .filter(({ listingId }) => !isPublished(listingId, 'listing.published'))
    .map(({ listingId }) =>
      finding('S4', `listing ${listingId} is live, and no event says so`, [listingId]),
    )
  const { paymentOutbox, listingOutbox } = facts.evidence
  const outbox = [...rowsOf(paymentOutbox), ...rowsOf(listingOutbox)]
    .filter(({ publishedAt, eventId }) => publishedAt !== null && !facts.eventsById.has(eventId))
    .filter(({ topic, createdAt }) => {
      return topic === 'payments.v1' ? isPaymentKept(createdAt) : isListingKept(createdAt)
    })
    .map(({ eventId, aggregateId, topic }) =>
      finding('S4', `event ${eventId} is marked as published, and is not on ${topic}`, [
        eventId,
        aggregateId,
      ]),
    )
  return [...payments, ...listings, ...outbox]
}

/** A captured payment is changed again by its refunds, so the time of its posting counts. */
function settledMs({ postingsByPayment }: Facts, { paymentId, updatedAt }: PaymentRow): number {
  const capture = postingsByPayment.get(paymentId)?.find(({ source }) => source === 'capture')
  return capture?.postedAt ?? updatedAt
}

/** S4b: every event on a topic agrees with the tables, and one change has one event id. */
export function checkNoPhantomEvent(facts: Facts): Finding[] {
  const wrongEvents = [...facts.eventsById].flatMap(([eventId, records]) => {
    const [first, ...others] = records
    if (!first) return []
    const wrong = whatIsWrong(facts, first)
    const differs = others.some(({ event }) => !hasSameFacts(event, first.event))
    const message = wrong ?? (differs ? 'its records have different contents' : undefined)
    return message === undefined
      ? []
      : [finding('S4b', `event ${eventId} (${first.event.type}): ${message}`, idsOf(first))]
  })
  const twoIds = [...facts.eventsByAggregate].flatMap(([aggregateId, records]) => {
    const versions = Map.groupBy(records, ({ event }) => event.aggregateVersion)
    return [...versions].flatMap(([version, same]) => {
      const eventIds = new Set(same.map(({ event }) => event.eventId))
      if (eventIds.size < 2) return []
      const message = `version ${version} of ${aggregateId} has ${eventIds.size} event ids`
      return [finding('S4b', message, [aggregateId, ...eventIds])]
    })
  })
  return [...wrongEvents, ...twoIds]
}

/** S4c: an aggregate is in one partition, and its versions first appear there in order. */
export function checkOrderOfVersions(facts: Facts): Finding[] {
  return [...facts.eventsByAggregate].flatMap(([aggregateId, records]) => {
    const places = new Set(records.map(({ topic, partition }) => `${topic}/${partition}`))
    const name = `the events of ${aggregateId}`
    const at = [...places].join(' and ')
    if (places.size > 1) return [finding('S4c', `${name} are in ${at}`, [aggregateId])]
    const first = new Map<string, EventRecord>()
    for (const record of records.toSorted((a, b) => a.offset - b.offset)) {
      if (!first.has(record.event.eventId)) first.set(record.event.eventId, record)
    }
    const versions = [...first.values()].map(({ event }) => event.aggregateVersion)
    const isOrdered = versions.every((version, i) => i === 0 || version > (versions[i - 1] ?? 0))
    if (isOrdered) return []
    return [finding('S4c', `${name} came as versions ${versions.join(', ')}`, [aggregateId])]
  })
}

function whatIsWrong(facts: Facts, { topic, event }: EventRecord): string | undefined {
  const isPayment = event.type.startsWith('payment.')
  if (topic !== (isPayment ? 'payments.v1' : 'listings.v1')) return `it does not belong on ${topic}`
  return isPayment ? wrongAboutPayment(facts, event) : wrongAboutListing(facts, event)
}

/**
 * The tables are read before the topics. In a system that still works, an event on a topic may be
 * younger than its row, and says nothing about the row as it is now.
 */
function isAtRest({ evidence }: Facts): boolean {
  return rowsOf(evidence.quiescence).every(({ remaining }) => remaining.length === 0)
}

function wrongAboutPayment(facts: Facts, event: EventRecord['event']): string | undefined {
  const row = facts.paymentById.get(event.aggregateId)
  if (!row) return 'there is no such payment'
  if (row.status === 'pending' && !isAtRest(facts)) return undefined
  if (event.type !== `payment.${row.status}`) return `the payment is ${row.status}`
  return firstDifference({
    paymentId: [event.paymentId, row.paymentId],
    version: [event.aggregateVersion, row.version],
    tenant: [event.tenantId, row.tenantId],
    listing: [event.listingId, row.listingId],
    publication: [event.publicationId, row.publicationId],
    amount: [event.amountCents, row.amountCents],
    currency: [event.currency, row.currency],
  })
}

function wrongAboutListing(facts: Facts, event: EventRecord['event']): string | undefined {
  const row = facts.listingById.get(event.aggregateId)
  if (!row) return 'there is no such listing'
  if (row.status === 'payment_pending' && !isAtRest(facts)) return undefined
  if (row.status !== 'live') return `the listing is ${row.status}`
  const publication = facts.publicationById.get(event.publicationId)
  return firstDifference({
    listing: [event.listingId, row.listingId],
    version: [event.aggregateVersion, row.version],
    tenant: [event.tenantId, row.tenantId],
    'listing of the publication': [event.listingId, publication?.listingId],
    payment: [event.paymentId, publication?.paymentId],
  })
}

function firstDifference(pairs: Record<string, [unknown, unknown]>): string | undefined {
  const different = Object.entries(pairs).find(([, [inEvent, inTable]]) => inEvent !== inTable)
  if (!different) return undefined
  const [name, [inEvent, inTable]] = different
  return `its ${name} is ${inEvent}, and ${inTable} in the table`
}

function hasSameFacts(one: EventRecord['event'], other: EventRecord['event']): boolean {
  const names = Object.keys({ ...one, ...other }) as (keyof typeof one)[]
  return names.every(name => one[name] === other[name])
}

function idsOf({ event }: EventRecord): string[] {
  return [event.eventId, event.aggregateId, event.publicationId]
}

function finding(promise: PromiseCode, message: string, ids: string[]): Finding {
  return { promise, message, ids }
}
