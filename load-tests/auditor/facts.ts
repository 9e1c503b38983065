import { pairAttempts } from './attempts.ts'
import {
  type EventFacts,
  type Evidence,
  type KeyRow,
  type ProviderLine,
  rowsOf,
  type TopicRecord,
} from './evidence.ts'
import { type Intent, intentsOf } from './intents.ts'

export type EventRecord = TopicRecord & { event: EventFacts }

/** The evidence, joined once: every look-up of a check is one step. */
export type Facts = ReturnType<typeof joinEvidence>

/** Joins what the witnesses said by the ids that they have in common. Linear in the evidence. */
export function joinEvidence(evidence: Evidence) {
  const { attempts, problems: historyProblems } = pairAttempts(rowsOf(evidence.history))
  const payments = rowsOf(evidence.payments)
  const publications = rowsOf(evidence.publications)
  const listings = rowsOf(evidence.listings)
  const captures = rowsOf(evidence.provider).filter(({ type }) => type === 'intent.succeeded')
  const records = rowsOf(evidence.records)
  const events = records.filter((record): record is EventRecord => record.event !== undefined)
  const subjects = {
    pay: subjectsByKey(rowsOf(evidence.paymentKeys)),
    publish: subjectsByKey(rowsOf(evidence.publicationKeys)),
  }
  const publicationsByListing = Map.groupBy(publications, ({ listingId }) => listingId)
  const intents = intentsOf(attempts, subjects, publicationsByListing)
  const capturesByPayment = Map.groupBy(captures, ({ paymentId = '' }) => paymentId)
  const capturesByPublication = Map.groupBy(captures, ({ publicationId = '' }) => publicationId)

  return {
    evidence,
    attempts,
    historyProblems,
    intents,
    payments,
    publications,
    listings,
    captures,
    records,
    events,
    paymentById: new Map(payments.map(row => [row.paymentId, row])),
    publicationById: new Map(publications.map(row => [row.publicationId, row])),
    listingById: new Map(listings.map(row => [row.listingId, row])),
    publicationsByListing,
    capturesByPayment,
    capturesByPublication,
    eventsById: Map.groupBy(events, ({ event }) => event.eventId),
    eventsByAggregate: Map.groupBy(events, ({ event }) => event.aggregateId),
    /** What the provider captured for an intent of a client, under whatever payment. */
    capturesOf: (intent: Intent): ProviderLine[] => {
      const captured = [
        ...[...intent.paymentIds].map(id => capturesByPayment.get(id)),
        ...[...intent.publicationIds].map(id => capturesByPublication.get(id)),
      ]
      return [...new Set(captured.flatMap(lines => lines ?? []))]
    },
  }
}

/** Two employers may use the same key by chance; together with the tenant it is one intent. */
function subjectsByKey(rows: readonly KeyRow[]): Map<string, string> {
  return new Map(rows.map(({ tenantId, key, subjectId }) => [`${tenantId} ${key}`, subjectId]))
}
