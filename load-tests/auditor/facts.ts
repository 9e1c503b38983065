import { pairAttempts } from './attempts.ts'
import {
  type EventFacts,
  type Evidence,
  type KeyRow,
  type LedgerEntryRow,
  type LedgerTransactionRow,
  type ProviderLine,
  rowsOf,
  type TopicRecord,
} from './evidence.ts'
import { type Intent, intentsOf } from './intents.ts'

/** A ledger transaction with its entries. */
export type Posting = LedgerTransactionRow & { entries: readonly LedgerEntryRow[] }

export type EventRecord = TopicRecord & { event: EventFacts }

/** The joined evidence: every look-up of a check is one step. */
export type Facts = ReturnType<typeof joinEvidence>

/** Joins the rows of all sources by the ids that they share, in time linear in the evidence. */
export function joinEvidence(evidence: Evidence) {
  const { attempts, problems: historyProblems } = pairAttempts(rowsOf(evidence.history))
  const payments = rowsOf(evidence.payments)
  const publications = rowsOf(evidence.publications)
  const listings = rowsOf(evidence.listings)
  const refunds = rowsOf(evidence.refunds)
  const captures = rowsOf(evidence.provider).filter(isCapture)
  const refundLines = rowsOf(evidence.provider).filter(({ type }) => type === 'refund.succeeded')
  const entries = Map.groupBy(rowsOf(evidence.ledgerEntries), ({ transactionId }) => transactionId)
  const postings: Posting[] = rowsOf(evidence.ledgerTransactions).map(row => ({
    ...row,
    entries: entries.get(row.transactionId) ?? [],
  }))
  const records = rowsOf(evidence.records)
  const events = records.filter((record): record is EventRecord => record.event !== undefined)
  const paymentKeys = Map.groupBy(rowsOf(evidence.paymentKeys), ({ route }) =>
    route.endsWith('/refunds') ? 'refund' : 'pay',
  )
  const subjects = {
    pay: subjectsByKey(paymentKeys.get('pay') ?? []),
    refund: subjectsByKey(paymentKeys.get('refund') ?? []),
    publish: subjectsByKey(rowsOf(evidence.publicationKeys)),
  }
  const publicationsByListing = Map.groupBy(publications, ({ listingId }) => listingId)
  const refundsByPayment = Map.groupBy(refunds, ({ paymentId }) => paymentId)
  const intents = intentsOf(attempts, subjects, { publicationsByListing, refundsByPayment })
  const capturesByPayment = Map.groupBy(captures, ({ paymentId = '' }) => paymentId)
  const capturesByPublication = Map.groupBy(captures, ({ publicationId = '' }) => publicationId)
  const refundLinesByRefund = Map.groupBy(refundLines, ({ refundId = '' }) => refundId)

  return {
    evidence,
    attempts,
    historyProblems,
    intents,
    payments,
    publications,
    listings,
    refunds,
    captures,
    refundLines,
    postings,
    records,
    events,
    paymentById: new Map(payments.map(row => [row.paymentId, row])),
    publicationById: new Map(publications.map(row => [row.publicationId, row])),
    listingById: new Map(listings.map(row => [row.listingId, row])),
    refundById: new Map(refunds.map(row => [row.refundId, row])),
    publicationsByListing,
    refundsByPayment,
    capturesByPayment,
    capturesByPublication,
    refundLinesByRefund,
    refundLinesByPayment: Map.groupBy(refundLines, ({ paymentId = '' }) => paymentId),
    postingsByPayment: Map.groupBy(postings, ({ paymentId }) => paymentId),
    eventsById: Map.groupBy(events, ({ event }) => event.eventId),
    eventsByAggregate: Map.groupBy(events, ({ event }) => event.aggregateId),
    /** Every capture for an intent, whichever payment the provider booked it under. */
    capturesOf: (intent: Intent): ProviderLine[] => {
      const captured = [
        ...[...intent.paymentIds].map(id => capturesByPayment.get(id)),
        ...[...intent.publicationIds].map(id => capturesByPublication.get(id)),
      ]
      return [...new Set(captured.flatMap(lines => lines ?? []))]
    },
    /** Every refund that the provider made for an intent. */
    refundLinesOf: (intent: Intent): ProviderLine[] =>
      [...intent.refundIds].flatMap(id => refundLinesByRefund.get(id) ?? []),
  }
}

/** Money came in. An authorization is not a capture, and may never become one. */
export function isCapture({ type }: Pick<ProviderLine, 'type'>): boolean {
  return type === 'intent.succeeded' || type === 'intent.captured'
}

/** Two tenants may use the same key by chance, so only tenant and key together name an intent. */
function subjectsByKey(rows: readonly KeyRow[]): Map<string, string> {
  return new Map(rows.map(({ tenantId, key, subjectId }) => [`${tenantId} ${key}`, subjectId]))
}
