import { rowsOf } from '../evidence.ts'
import type { EventRecord, Facts } from '../facts.ts'
import type { Finding, Invariant } from '../verdict.ts'

/** S4. What was decided was said: on the topic, not only in an outbox that calls it published. */
export function checkNoLostEvent(facts: Facts): Finding[] {
  const said = (aggregateId: string, type: string) =>
    facts.eventsByAggregate.get(aggregateId)?.some(({ event }) => event.type === type) ?? false
  const payments = facts.payments
    .filter(({ status }) => status === 'captured' || status === 'declined')
    .filter(({ paymentId, status }) => !said(paymentId, `payment.${status}`))
    .map(({ paymentId, publicationId, status }) =>
      finding('S4', `payment ${paymentId} is ${status} and no event says so`, [
        paymentId,
        publicationId,
      ]),
    )
  const listings = facts.listings
    .filter(({ status }) => status === 'live')
    .filter(({ listingId }) => !said(listingId, 'listing.published'))
    .map(({ listingId }) =>
      finding('S4', `listing ${listingId} is live and no event says so`, [listingId]),
    )
  const { paymentOutbox, listingOutbox } = facts.evidence
  const outbox = [...rowsOf(paymentOutbox), ...rowsOf(listingOutbox)]
    .filter(({ publishedAt, eventId }) => publishedAt !== null && !facts.eventsById.has(eventId))
    .map(({ eventId, aggregateId, topic }) =>
      finding('S4', `event ${eventId} is marked as published and is not on ${topic}`, [
        eventId,
        aggregateId,
      ]),
    )
  return [...payments, ...listings, ...outbox]
}

/** S4b. Whatever is on a topic is what the tables say, and one change was told under one id. */
export function checkNoPhantomEvent(facts: Facts): Finding[] {
  const ids = [...facts.eventsById].flatMap(([eventId, records]) => {
    const [first, ...others] = records
    if (!first) return []
    const wrong = whatIsWrong(facts, first)
    const differs = others.some(({ event }) => !sameFacts(event, first.event))
    const message = wrong ?? (differs ? 'it was told in two different ways' : undefined)
    return message === undefined
      ? []
      : [finding('S4b', `event ${eventId} (${first.event.type}): ${message}`, idsOf(first))]
  })
  const twice = [...facts.eventsByAggregate].flatMap(([aggregateId, records]) => {
    const versions = Map.groupBy(records, ({ event }) => event.aggregateVersion)
    return [...versions].flatMap(([version, same]) => {
      const names = new Set(same.map(({ event }) => event.eventId))
      if (names.size < 2) return []
      const message = `version ${version} of ${aggregateId} was told under ${names.size} event ids`
      return [finding('S4b', message, [aggregateId, ...names])]
    })
  })
  return [...ids, ...twice]
}

/** S4c. One aggregate is in one partition, and its versions appear there in their order. */
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

function wrongAboutPayment(facts: Facts, event: EventRecord['event']): string | undefined {
  const row = facts.paymentById.get(event.aggregateId)
  if (!row) return 'there is no such payment'
  if (event.type !== `payment.${row.status}`) return `the payment is ${row.status}`
  return differs({
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
  if (row.status !== 'live') return `the listing is ${row.status}`
  const publication = facts.publicationById.get(event.publicationId)
  return differs({
    listing: [event.listingId, row.listingId],
    version: [event.aggregateVersion, row.version],
    tenant: [event.tenantId, row.tenantId],
    'listing of the publication': [event.listingId, publication?.listingId],
    payment: [event.paymentId, publication?.paymentId],
  })
}

function differs(pairs: Record<string, [unknown, unknown]>): string | undefined {
  const different = Object.entries(pairs).find(([, [said, is]]) => said !== is)
  if (!different) return undefined
  const [name, [said, is]] = different
  return `it says ${name} ${said}, the table says ${is}`
}

function sameFacts(one: EventRecord['event'], other: EventRecord['event']): boolean {
  const names = Object.keys({ ...one, ...other }) as (keyof typeof one)[]
  return names.every(name => one[name] === other[name])
}

function idsOf({ event }: EventRecord): string[] {
  return [event.eventId, event.aggregateId, event.publicationId]
}

function finding(invariant: Invariant, message: string, ids: string[]): Finding {
  return { invariant, message, ids }
}
