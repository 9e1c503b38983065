/**
 * Everything that the sources of a run contain, as plain data: it can be kept in files and judged
 * again. A row has only the fields that a check needs. Times are milliseconds since 1970.
 */
export type Evidence = { [Name in SourceName]: Source<Rows[Name]> }

/** `missing`: the source was not asked, or did not answer. An empty source is something else. */
export type Source<Row> =
  | {
      state: 'read'
      rows: Row[]
      /** Why the rows cannot be trusted, for example a malformed line. Any problem makes the verdict unknown. */
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

/** Reports name the sources in this order, which is the order of an employer's journey. */
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

/** One line of a client's history. Its format is `../scenarios/history-line.schema.json`. */
export type HistoryLine = {
  run: string
  idx: number
  proc: string
  op: 'draft' | 'publish' | 'pay' | 'refund' | 'read'
  /** The trace that the client began with this request. */
  traceId?: string
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

/** One line of the card provider's own log. */
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
  /** Our id of a refund, which payments sends to the provider as metadata. */
  refundId?: string
  /** The provider's own id of the refund. */
  providerRefundId?: string
  replayed?: boolean
  cause?: string
  /** The number of events, on a line that stands for several. */
  count?: number
}

/** One line of the mail server's log. Addresses are digests, so that a kept run has no personal data. */
export type MailLine = {
  t: number
  seq: number
  type: string
  messageId: string | null
  /** A request to confirm an address is about no listing. Unset for all other mails. */
  kind?: 'confirmation'
  recipients: string[]
  /** The id that the text of the mail names. */
  listingId?: string
}

/** One line of the fault log. */
export type FaultLogLine = {
  t: number
  kind: string
  action: string
  /** The target of the fault: a process, a proxy and its toxic, or a setting. */
  name: string
  signal?: string
  /** The connections of slow clients that were as old as the attack when it ended. */
  stillOpen?: number
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
  /** `capture` or `void`, from the request until the provider has done it. */
  requestedAction: string | null
  taxCents: number
  /** The sum of all refunds, pending ones included. */
  refundedCents: number
  version: number
  createdAt: number
  updatedAt: number
}

/** A refund that succeeded or is pending. */
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

/** One transaction of the ledger, posted for a `capture` of a payment or for a `refund`. */
export type LedgerTransactionRow = {
  transactionId: string
  tenantId: string
  source: string
  sourceId: string
  paymentId: string
  postedAt: number
}

/** One entry of a transaction. Debits are positive, credits negative. */
export type LedgerEntryRow = {
  transactionId: string
  account: string
  amountCents: number
  currency: string
}

/** Which payment, refund or publication an idempotency key stands for, in either service. */
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
  /** A digest of the address, as in `MailLine`. */
  recipient: string
  status: string
  failure: string | null
  attempts: number
  createdAt: number
  sentAt: number | null
}

/** The offsets of one partition when the auditor began to read its topic. */
export type PartitionRow = {
  topic: string
  partition: number
  start: number
  end: number
  /** Offsets without a record: transaction markers, and records of aborted transactions. */
  noRecords?: number
}

/** One record of a topic. The topic's name is without the prefix of the system. */
export type TopicRecord = {
  topic: string
  partition: number
  offset: number
  t: number
  /** Unset when the record breaks the contract of its topic. */
  event?: EventFacts
  /** Set on a dead-letter topic: the record that was dead-lettered, and the reason. */
  deadLetter?: DeadLetterFacts
  /** Why the record is neither an event nor a dead letter. */
  unreadable?: string
}

export type DeadLetterFacts = {
  topic: string
  partition: number
  /** The last offset, if a whole batch was dead-lettered. */
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

/** One listing that the public search found. */
export type SearchHit = { listingId: string; status: string }

/** The end of the wait for the system to come to rest. */
export type Quiescence = {
  quiet: boolean
  deadlineMs: number
  waitedMs: number
  finishedAt: number
  /** Work that was still under way when the time was up. */
  remaining: Unfinished[]
  /** Sources that did not answer when they were last asked. */
  unasked: string[]
}

/** Work that is not finished, and the promise that it will be. */
export type Unfinished = { promise: LivenessCode; what: string; ids: string[] }
export type LivenessCode = 'L1' | 'L2' | 'L3' | 'L4'

/** The rows of a source. A missing source has none; that makes the verdict unknown elsewhere. */
export function rowsOf<Row>(source: Source<Row> | undefined): readonly Row[] {
  return source?.state === 'read' ? source.rows : []
}
