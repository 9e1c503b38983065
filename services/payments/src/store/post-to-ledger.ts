import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Entry } from '../domain/ledger.ts'

export type Posting = {
  tenantId: string
  paymentId: string
  currency: string
  /** The cause of the posting. Each source is posted once. */
  source: 'capture' | 'refund'
  sourceId: string
}

/** Posts one transaction to the ledger, unless its source was posted before. */
export async function postToLedger(
  tx: Queryable,
  { tenantId, paymentId, currency, source, sourceId }: Posting,
  entries: readonly Entry[],
): Promise<void> {
  await tx.query({
    name: 'post_to_ledger',
    text: `WITH posted AS (
             INSERT INTO ledger_transactions (tenant_id, source, source_id, payment_id)
             VALUES ($1, $2, $3, $4) ON CONFLICT (source, source_id) DO NOTHING
             RETURNING transaction_id)
           INSERT INTO ledger_entries (transaction_id, tenant_id, account, amount_cents, currency)
           SELECT transaction_id, $1, e.account, e.amount_cents, $5
           FROM posted, unnest($6::text[], $7::bigint[]) AS e (account, amount_cents)`,
    values: [
      tenantId,
      source,
      sourceId,
      paymentId,
      currency,
      entries.map(({ account }) => account),
      entries.map(({ amountCents }) => amountCents),
    ],
  })
}
