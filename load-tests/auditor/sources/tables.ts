import type { SourceName } from '../evidence.ts'

export type Database = 'payments' | 'listings' | 'notifications'
export type TableName = Extract<
  SourceName,
  | 'payments'
  | 'paymentKeys'
  | 'refunds'
  | 'ledgerTransactions'
  | 'ledgerEntries'
  | 'paymentOutbox'
  | 'listings'
  | 'publications'
  | 'publicationKeys'
  | 'listingOutbox'
  | 'listingInbox'
  | 'deliveries'
  | 'notificationInbox'
>

const millis = (column: string, name: string) =>
  `(extract(epoch FROM ${column}) * 1000)::float8 AS "${name}"`

const keys = `SELECT tenant_id AS "tenantId", route, key, subject_id AS "subjectId",
  response_status AS "responseStatus", ${millis('created_at', 'createdAt')} FROM idempotency_keys`

const outbox = `SELECT event_id AS "eventId", topic, aggregate_id AS "aggregateId",
  ${millis('created_at', 'createdAt')}, ${millis('published_at', 'publishedAt')} FROM outbox`

const inbox = `SELECT consumer, event_id AS "eventId", ${millis('applied_at', 'appliedAt')} FROM inbox`

/**
 * The columns that the auditor reads. It reads no tokens, texts or answers: what no check needs cannot
 * leak from a kept run, and 10,000 payments fit into memory many times over.
 */
export const tables: Readonly<Record<Database, Partial<Record<TableName, string>>>> = {
  payments: {
    payments: `SELECT payment_id AS "paymentId", tenant_id AS "tenantId",
      listing_id AS "listingId", publication_id AS "publicationId", amount_cents AS "amountCents",
      currency, status, provider_payment_id AS "providerPaymentId",
      requested_action AS "requestedAction",
      tax_cents AS "taxCents", refunded_cents AS "refundedCents", version,
      ${millis('created_at', 'createdAt')}, ${millis('updated_at', 'updatedAt')} FROM payments`,
    paymentKeys: keys,
    refunds: `SELECT refund_id AS "refundId", tenant_id AS "tenantId", payment_id AS "paymentId",
      amount_cents AS "amountCents", tax_cents AS "taxCents", status,
      provider_refund_id AS "providerRefundId", ${millis('created_at', 'createdAt')},
      ${millis('succeeded_at', 'succeededAt')} FROM refunds`,
    ledgerTransactions: `SELECT transaction_id::text AS "transactionId", tenant_id AS "tenantId",
      source, source_id AS "sourceId", payment_id AS "paymentId",
      ${millis('posted_at', 'postedAt')} FROM ledger_transactions`,
    ledgerEntries: `SELECT transaction_id::text AS "transactionId", account,
      amount_cents::float8 AS "amountCents", currency FROM ledger_entries`,
    paymentOutbox: outbox,
  },
  listings: {
    listings: `SELECT listing_id AS "listingId", tenant_id AS "tenantId", status, version,
      ${millis('created_at', 'createdAt')}, ${millis('published_at', 'publishedAt')} FROM listings`,
    publications: `SELECT publication_id AS "publicationId", listing_id AS "listingId",
      tenant_id AS "tenantId", amount_cents AS "amountCents", currency, status,
      payment_id AS "paymentId", ${millis('created_at', 'createdAt')},
      ${millis('updated_at', 'updatedAt')} FROM publications`,
    publicationKeys: keys,
    listingOutbox: outbox,
    listingInbox: inbox,
  },
  notifications: {
    // A request to confirm an address is about no listing, and is left out. The digest of the address
    // is the same as `addressDigest` in log-lines.ts makes.
    deliveries: `SELECT delivery_id AS "deliveryId", listing_id AS "listingId",
      left(encode(sha256(convert_to(address, 'UTF8')), 'hex'), 16) AS recipient,
      status, failure, attempt AS attempts, ${millis('created_at', 'createdAt')},
      ${millis('sent_at', 'sentAt')} FROM deliveries WHERE listing_id IS NOT NULL`,
    notificationInbox: inbox,
  },
}
