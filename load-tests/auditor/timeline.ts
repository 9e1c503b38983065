import { rowsOf, type SourceName } from './evidence.ts'
import type { Facts } from './facts.ts'
import type { Finding, TimelineEntry, Violation } from './verdict.ts'

const entriesMax = 80

type Line = TimelineEntry & { ids: readonly (string | null | undefined)[] }

/**
 * Adds to each finding everything that the sources have about its ids and about related ids, in the
 * order of time. It needs one pass over the evidence for all findings.
 */
export function withTimelines(facts: Facts, findings: readonly Finding[]): Violation[] {
  const related = findings.map(({ ids }) => relatedIds(facts, ids))
  const wanted = new Set(related.flatMap(ids => [...ids]))
  const byId = new Map<string, Line[]>()
  for (const line of linesOf(facts)) {
    for (const id of new Set(line.ids)) {
      if (id == null || !wanted.has(id)) continue
      const lines = byId.get(id)
      if (lines) lines.push(line)
      else byId.set(id, [line])
    }
  }
  return findings.map((finding, index) => {
    const lines = new Set([...(related[index] ?? [])].flatMap(id => byId.get(id) ?? []))
    const timeline = [...lines]
      .toSorted((a, b) => a.t - b.t)
      .slice(0, entriesMax)
      .map(({ t, source, line }) => ({ t, source, line }))
    return { ...finding, timeline }
  })
}

/** Payment, publication and key belong together. A listing is added, but its other ids are not. */
function relatedIds(facts: Facts, ids: readonly string[]): Set<string> {
  const related = new Set(ids)
  for (const id of ids) {
    for (const { event } of facts.eventsById.get(id) ?? []) related.add(event.aggregateId)
    for (const row of facts.publicationsByListing.get(id) ?? []) related.add(row.publicationId)
  }
  for (const id of [...related]) {
    const publication = facts.publicationById.get(id)
    if (publication?.paymentId) related.add(publication.paymentId)
    if (publication) related.add(publication.listingId)
    const refund = facts.refundById.get(id)
    if (refund) related.add(refund.paymentId)
    const payment = facts.paymentById.get(id)
    if (payment) related.add(payment.publicationId)
  }
  for (const id of [...related]) {
    for (const { event } of facts.eventsByAggregate.get(id) ?? []) related.add(event.eventId)
  }
  return related
}

/** The whole evidence as lines of text. */
function* linesOf(facts: Facts): Generator<Line> {
  const { evidence } = facts
  yield* clientLines(facts)
  for (const row of rowsOf(evidence.provider)) {
    const amount = row.amount === undefined ? '' : ` ${row.amount} ${row.currency}`
    const line = `${row.type} ${row.intentId ?? ''}${amount} for payment ${row.paymentId}`
    const ids = [row.paymentId, row.publicationId, row.refundId]
    yield { t: row.t, source: 'provider', line, ids }
  }
  for (const { t, topic, partition, offset, event } of facts.events) {
    const line = `${topic}/${partition}@${offset} ${event.type} version ${event.aggregateVersion}`
    const ids = [event.eventId, event.aggregateId, event.paymentId, event.publicationId]
    yield { t, source: 'records', line: `${line} (event ${event.eventId})`, ids }
  }
  yield* tableLines(facts)
  yield* moneyLines(facts)
  for (const { t, type, listingId, messageId } of rowsOf(evidence.mails)) {
    yield { t, source: 'mails', line: `${type} ${messageId}`, ids: [listingId] }
  }
}

function* clientLines({ attempts }: Facts): Generator<Line> {
  for (const { op, proc, idx, key, id, startedAt, endedAt, outcome, status, res } of attempts) {
    const name = `client ${proc} #${idx} ${op}`
    const ids = [key, id, res.listingId, res.publicationId, res.paymentId, res.refundId]
    const asked = [name, id, key && `key ${key}`].filter(Boolean).join(' ')
    yield { t: startedAt, source: 'history', line: asked, ids }
    if (endedAt === undefined) continue
    const answered = `${name} ${outcome} ${status || 'no answer'} ${JSON.stringify(res)}`
    yield { t: endedAt, source: 'history', line: answered, ids }
  }
}

/** A posting and its entries are one line, because they are written together. */
function* moneyLines({ refunds, postings }: Facts): Generator<Line> {
  for (const row of refunds) {
    const line = `refund ${row.refundId} of ${row.amountCents} ${row.status}`
    const ids = [row.refundId, row.paymentId]
    yield { t: row.succeededAt ?? row.createdAt, source: 'refunds', line, ids }
  }
  for (const { transactionId, source, sourceId, paymentId, postedAt, entries } of postings) {
    const sides = entries.map(({ account, amountCents }) => `${account} ${amountCents}`).join(', ')
    const line = `posting ${transactionId} of ${source} ${sourceId}: ${sides}`
    yield { t: postedAt, source: 'ledgerTransactions', line, ids: [sourceId, paymentId] }
  }
}

function* tableLines({ evidence, payments, publications, listings }: Facts): Generator<Line> {
  for (const row of payments) {
    const line = `payment ${row.paymentId} ${row.status} version ${row.version}`
    yield { t: row.updatedAt, source: 'payments', line, ids: [row.paymentId, row.publicationId] }
  }
  for (const row of publications) {
    const line = `publication ${row.publicationId} ${row.status} of payment ${row.paymentId}`
    const ids = [row.publicationId, row.paymentId, row.listingId]
    yield { t: row.updatedAt, source: 'publications', line, ids }
  }
  for (const row of listings) {
    const line = `listing ${row.listingId} ${row.status} version ${row.version}`
    const t = row.publishedAt ?? row.createdAt
    yield { t, source: 'listings', line, ids: [row.listingId] }
  }
  for (const source of ['paymentOutbox', 'listingOutbox'] as const satisfies SourceName[]) {
    for (const { eventId, aggregateId, createdAt, publishedAt } of rowsOf(evidence[source])) {
      const line = `event ${eventId} committed, ${publishedAt === null ? 'not ' : ''}published`
      yield { t: createdAt, source, line, ids: [eventId, aggregateId] }
    }
  }
  for (const source of ['listingInbox', 'notificationInbox'] as const satisfies SourceName[]) {
    for (const { eventId, consumer, appliedAt } of rowsOf(evidence[source])) {
      const line = `event ${eventId} of ${consumer} applied`
      yield { t: appliedAt, source, line, ids: [eventId] }
    }
  }
  for (const row of rowsOf(evidence.deliveries)) {
    const line = `delivery ${row.deliveryId} ${row.status} after ${row.attempts} attempts`
    const t = row.sentAt ?? row.createdAt
    yield { t, source: 'deliveries', line, ids: [row.deliveryId, row.listingId] }
  }
}
