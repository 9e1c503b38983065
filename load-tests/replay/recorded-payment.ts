import type { ServiceName } from '@nightshift/local/system/secrets'
import { type Evidence, type Rows, rowsOf } from '../auditor/evidence.ts'
import { type Facts, joinEvidence } from '../auditor/facts.ts'
import type { Intent } from '../auditor/intents.ts'
import type { Finding, Verdict, Violation } from '../auditor/verdict.ts'
import { type FaultWindow, faultWindows } from './fault-windows.ts'

/** The rows of the evidence that are about one payment, as the auditor read them. */
export type RecordedRows = {
  [Name in
    | 'history'
    | 'payments'
    | 'paymentKeys'
    | 'refunds'
    | 'ledgerTransactions'
    | 'paymentOutbox'
    | 'publications'
    | 'publicationKeys'
    | 'listings'
    | 'listingOutbox'
    | 'listingInbox'
    | 'provider'
    | 'records'
    | 'notificationInbox'
    | 'deliveries'
    | 'mails']: Rows[Name][]
}

/** One span of a trace of the payment. Times are milliseconds since 1970. */
export type RecordedSpan = Readonly<{
  service: string
  name: string
  startMs: number
  endMs: number
  /** The dependency that was called. Unset for a span that is no call. */
  peer?: string
  /** How a call ended, in the words of `outcome.ts`. */
  outcome?: string
  failed?: true
}>

/** One payment of one run, with everything that was written down about it. */
export type RecordedPayment = Readonly<{
  op: Intent['op']
  /** The number of payments, publications and refunds of the run that it was chosen from. */
  outOf: number
  /** The promises that were broken for this payment. */
  broken: readonly Pick<Finding, 'promise' | 'message'>[]
  rows: RecordedRows
  /** All faults of the run. */
  faults: readonly FaultWindow[]
  spans: readonly RecordedSpan[]
  /** When a process of a service began to serve, for each process of the run. */
  starts: readonly Readonly<{ service: ServiceName; t: number }>[]
}>

type Chosen = Readonly<{ intent: Intent; ids: ReadonlySet<string> }>

/**
 * Chooses the payment that had most to do with the fault: one for which a promise was broken, if there
 * is any, and otherwise one with many lost, refused or open answers. Of several like that it is the
 * first. Undefined when the run has no payment.
 */
export function choosePayment(
  evidence: Evidence,
  verdict: Pick<Verdict, 'violations'>,
): (Chosen & Omit<RecordedPayment, 'spans' | 'starts'>) | undefined {
  const facts = joinEvidence(evidence)
  const windows = faultWindows(rowsOf(evidence.faultLog))
  let best: { chosen: Chosen; broken: Violation[]; trouble: number } | undefined
  for (const intent of facts.intents) {
    const chosen = { intent, ids: idsOf(intent, facts) }
    const broken = brokenFor(chosen, verdict)
    const trouble =
      (broken.length > 0 ? brokenWeight : 0) +
      Math.min(troubleMax, troubleOf(chosen, facts)) +
      (wasDuring(intent, windows) ? duringWeight : 0)
    if (best === undefined || trouble > best.trouble) best = { chosen, broken, trouble }
  }
  if (best === undefined) return undefined
  const { chosen, broken } = best
  return {
    ...chosen,
    op: chosen.intent.op,
    outOf: facts.intents.length,
    broken: broken.map(({ promise, message }) => ({ promise, message })),
    rows: rowsAbout(chosen, facts),
    faults: windows,
  }
}

const brokenWeight = 1_000
const duringWeight = 20
/** A payment that was asked for forty times shows no more than one with so much trouble. */
const troubleMax = 8

/** Lost, refused and open answers, and what went wrong at the provider. */
function troubleOf({ intent, ids }: Chosen, { evidence }: Facts): number {
  const unanswered = intent.attempts.filter(({ outcome }) => outcome === 'info').length
  const atProvider = rowsOf(evidence.provider).filter(
    line => isAbout(ids, line.paymentId, line.publicationId) && faultTypes.has(line.type),
  )
  return unanswered + atProvider.length
}

const faultTypes = new Set(['request.dropped', 'request.delayed', 'reply.withheld', 'reply.error'])

function wasDuring({ attempts }: Intent, windows: readonly FaultWindow[]): boolean {
  const startedAt = Math.min(...attempts.map(attempt => attempt.startedAt))
  const endedAt = Math.max(...attempts.map(attempt => attempt.endedAt ?? Number.POSITIVE_INFINITY))
  return windows.some(
    ({ fromMs, untilMs }) => fromMs <= endedAt && (untilMs ?? endedAt) >= startedAt,
  )
}

function brokenFor({ ids }: Chosen, { violations }: Pick<Verdict, 'violations'>) {
  return violations.filter(violation => violation.ids.some(id => ids.has(id)))
}

/** The key, and every payment, publication, refund, listing and event that belongs to it. */
function idsOf(intent: Intent, facts: Facts): Set<string> {
  const { key, attempts, paymentIds, publicationIds, refundIds } = intent
  const ids = new Set([key, ...paymentIds, ...publicationIds, ...refundIds])
  if (intent.op === 'publish') for (const { id } of attempts) if (id !== undefined) ids.add(id)
  for (const row of facts.publications) {
    if (!isAbout(ids, row.publicationId, row.paymentId)) continue
    for (const id of [row.publicationId, row.listingId, row.paymentId]) if (id) ids.add(id)
  }
  for (const row of facts.payments) {
    if (!isAbout(ids, row.paymentId, row.publicationId)) continue
    for (const id of [row.paymentId, row.publicationId, row.listingId]) ids.add(id)
  }
  for (const { event } of facts.events) {
    if (isAbout(ids, event.paymentId, event.publicationId)) ids.add(event.eventId)
  }
  return ids
}

function isAbout(ids: ReadonlySet<string>, ...named: (string | null | undefined)[]): boolean {
  return named.some(id => id != null && ids.has(id))
}

function rowsAbout({ intent, ids }: Chosen, { evidence }: Facts): RecordedRows {
  const has = (...named: (string | null | undefined)[]) => isAbout(ids, ...named)
  const requests = new Set(intent.attempts.map(({ run, idx }) => `${run}#${idx}`))
  const isKey = (row: { tenantId: string; key: string }) =>
    row.key === intent.key && row.tenantId === intent.tenant
  const events = rowsOf(evidence.records).filter(({ event }) =>
    has(event?.paymentId, event?.publicationId),
  )
  const isOfPlace = new Set(
    events.map(({ topic, partition, offset }) => `${topic}/${partition}@${offset}`),
  )
  const deadLetters = rowsOf(evidence.records).filter(
    ({ deadLetter: of }) => of && isOfPlace.has(`${of.topic}/${of.partition}@${of.offset}`),
  )
  return {
    history: rowsOf(evidence.history).filter(({ run, idx }) => requests.has(`${run}#${idx}`)),
    payments: rowsOf(evidence.payments).filter(row => has(row.paymentId)),
    paymentKeys: rowsOf(evidence.paymentKeys).filter(row => isKey(row) || has(row.subjectId)),
    refunds: rowsOf(evidence.refunds).filter(row => has(row.refundId, row.paymentId)),
    ledgerTransactions: rowsOf(evidence.ledgerTransactions).filter(row => has(row.paymentId)),
    paymentOutbox: rowsOf(evidence.paymentOutbox).filter(row => has(row.aggregateId)),
    publications: rowsOf(evidence.publications).filter(row => has(row.publicationId)),
    publicationKeys: rowsOf(evidence.publicationKeys).filter(isKey),
    listings: rowsOf(evidence.listings).filter(row => has(row.listingId)),
    listingOutbox: rowsOf(evidence.listingOutbox).filter(row => has(row.aggregateId)),
    listingInbox: rowsOf(evidence.listingInbox).filter(row => has(row.eventId)),
    provider: rowsOf(evidence.provider).filter(row => has(row.paymentId, row.publicationId)),
    records: [...events, ...deadLetters],
    notificationInbox: rowsOf(evidence.notificationInbox).filter(row => has(row.eventId)),
    deliveries: rowsOf(evidence.deliveries).filter(row => has(row.listingId)),
    mails: rowsOf(evidence.mails).filter(row => has(row.listingId)),
  }
}
