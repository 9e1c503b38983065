/**
 * What the witnesses said, as plain data: it can be kept in files and judged again. Only what a
 * check needs is kept of each row. Times are milliseconds since 1970.
 */
export type Evidence = { [Name in SourceName]: Source<Rows[Name]> }

/** `missing`: it was not asked, or did not answer. Never to be confused with an empty one. */
export type Source<Row> =
  | {
      state: 'read'
      rows: Row[]
      /** What makes its word doubtful, for example a malformed line. Any of them: verdict unknown. */
      problems: string[]
    }
  | { state: 'missing'; why: string }

export type Rows = {
  history: HistoryLine
  provider: ProviderLine
  mails: MailLine
  faultLog: FaultLogLine
  payments: PaymentRow
  paymentKeys: KeyRow
  refunds: RefundRow
  ledgerTransactions: LedgerTransactionRow
  ledgerEntries: LedgerEntryRow
  paymentOutbox: OutboxRow
  listings: ListingRow
  publications: PublicationRow
  publicationKeys: KeyRow
  listingOutbox: OutboxRow
  listingInbox: InboxRow
  deliveries: DeliveryRow
  notificationInbox: InboxRow
  partitions: PartitionRow
  records: TopicRecord
  search: SearchHit
  quiescence: Quiescence
}
export type SourceName = keyof Rows

/** In the order of a journey, which is also the order in which they are named to a person. */
export const sourceNames = [
  'history',
  'provider',
  'payments',
  'paymentKeys',
  'refunds',
  'ledgerTransactions',
  'ledgerEntries',
  'paymentOutbox',
  'listings',
  'publications',
  'publicationKeys',
  'listingOutbox',
  'listingInbox',
  'deliveries',
  'notificationInbox',
  'partitions',
  'records',
  'search',
  'mails',
  'faultLog',
  'quiescence',
] as const satisfies readonly SourceName[]

/** One line of a client; its form is `../scenarios/history-line.schema.json`. */
export type HistoryLine = {
  run: string
  idx: number
  proc: string
  op: 'draft' | 'publish' | 'pay' | 'refund' | 'read'
  type: 'invoke' | 'ok' | 'fail' | 'info'
  t: number
  tenant: string
  key?: string
  id?: string
  req: Record<string, unknown>
  status?: number
  res?: {
    listingId?: string
    publicationId?: string
    paymentId?: string
    refundId?: string
    payment?: string
    status?: string
    declined?: boolean
    replayed?: boolean
    problem?: string
    error?: string
  }
}

/** One line of the card provider's provider log. */
export type ProviderLine = {
  t: number
  seq: number
  type: string
  intentId?: string
  amount?: number
  currency?: string
  paymentId?: string
  publicationId?: string
  tenantId?: string
  /** Our name of a refund, which we sent along with it. */
  refundId?: string
  /** The provider's own name of it. */
  providerRefundId?: string
  replayed?: boolean
  cause?: string
  /** Of a line that stands for many. */
  count?: number
}

/** One line of the mail server's log. Addresses are digests: a kept run holds nobody's address. */
export type MailLine = {
  t: number
  seq: number
  type: string
  messageId: string | null
  /** A request to confirm an address, which is about no listing. Unset: any other mail. */
  kind?: 'confirmation'
  recipients: string[]
  /** As the mail itself names it. */
  listingId?: string
}

/** One line of the log of faults. */
export type FaultLogLine = {
  t: number
  kind: string
  action: string
  /** What was hurt: a process, a proxy and its toxic, a setting. */
  name: string
  signal?: string
}

export type PaymentRow = {
  paymentId: string
  tenantId: string
  listingId: string
  publicationId: string
  amountCents: number
  currency: string
  status: string
  providerPaymentId: string | null
  /** What was decided about held money, until the provider has done it. */
  requestedAction: string | null
  taxCents: number
  /** Of all its refunds, those that are still owed too. */
  refundedCents: number
  version: number
  createdAt: number
  updatedAt: number
}

/** Money that was given back, or is owed back. */
export type RefundRow = {
  refundId: string
  tenantId: string
  paymentId: string
  amountCents: number
  taxCents: number
  status: string
  providerRefundId: string | null
  createdAt: number
  succeededAt: number | null
}

/** What was posted to the ledger, and for what: a `capture` of a payment, or a `refund`. */
export type LedgerTransactionRow = {
  transactionId: string
  tenantId: string
  source: string
  sourceId: string
  paymentId: string
  postedAt: number
}

/** One side of a posting: debits are positive, credits negative. */
export type LedgerEntryRow = {
  transactionId: string
  account: string
  amountCents: number
  currency: string
}

/** Of either service: which payment, refund or publication a client's key stands for. */
export type KeyRow = {
  tenantId: string
  route: string
  key: string
  subjectId: string
  responseStatus: number | null
  createdAt: number
}

export type OutboxRow = {
  eventId: string
  topic: string
  aggregateId: string
  createdAt: number
  publishedAt: number | null
}

export type ListingRow = {
  listingId: string
  tenantId: string
  status: string
  version: number
  createdAt: number
  publishedAt: number | null
}

export type PublicationRow = {
  publicationId: string
  listingId: string
  tenantId: string
  amountCents: number
  currency: string
  status: string
  paymentId: string | null
  createdAt: number
  updatedAt: number
}

export type InboxRow = { consumer: string; eventId: string; appliedAt: number }

export type DeliveryRow = {
  deliveryId: string
  listingId: string
  /** A digest, as in the mails. */
  recipient: string
  status: string
  failure: string | null
  attempts: number
  createdAt: number
  sentAt: number | null
}

/** How far one partition went when the reading of its topic began. */
export type PartitionRow = {
  topic: string
  partition: number
  start: number
  end: number
  /** Offsets without a record: the marks of transactions, and what transactions have aborted. */
  noRecords?: number
}

/** Names of topics are without the prefix of the system. */
export type TopicRecord = {
  topic: string
  partition: number
  offset: number
  t: number
  /** Unless the record breaks the contract of its topic. */
  event?: EventFacts
  /** On the topics of dead letters: what was put aside, and why. */
  deadLetter?: DeadLetterFacts
  /** Why it is neither. */
  unreadable?: string
}

export type DeadLetterFacts = {
  topic: string
  partition: number
  /** The last one, if a whole batch was put aside. */
  offset: number
  firstOffset?: number
  reason: string
}

export type EventFacts = {
  eventId: string
  type: string
  tenantId: string
  aggregateId: string
  aggregateVersion: number
  occurredAt: number
  listingId: string
  publicationId: string
  paymentId: string
  amountCents?: number
  currency?: string
}

/** One listing of the public search. */
export type SearchHit = { listingId: string; status: string }

/** How the waiting for rest ended. */
export type Quiescence = {
  quiet: boolean
  deadlineMs: number
  waitedMs: number
  finishedAt: number
  /** What was still under way when the time was up. */
  remaining: Unfinished[]
  /** What could not be asked at the last look. */
  unasked: string[]
}

export type Unfinished = { invariant: LivenessInvariant; what: string; ids: string[] }
export type LivenessInvariant = 'L1' | 'L2' | 'L3' | 'L4'

/** The rows of a source that was read; a missing one has none, and makes the verdict unknown. */
export function rowsOf<Row>(source: Source<Row> | undefined): readonly Row[] {
  return source?.state === 'read' ? source.rows : []
}
