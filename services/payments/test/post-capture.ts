import type pg from 'pg'

/** Posts a captured payment to the ledger, now or at another time, without the payment itself. */
export async function postCapture(
  db: pg.Client | pg.Pool,
  { tenantId, cents, postedAt }: { tenantId: string; cents: number; postedAt?: string },
): Promise<void> {
  await db.query(
    `WITH posted AS (
       INSERT INTO ledger_transactions (tenant_id, source, source_id, payment_id, posted_at)
       VALUES ($1, 'capture', gen_random_uuid(), gen_random_uuid(), coalesce($2::timestamptz, now()))
       RETURNING transaction_id)
     INSERT INTO ledger_entries (transaction_id, tenant_id, account, amount_cents, currency)
     SELECT transaction_id, $1, account, cents, 'EUR' FROM posted,
       (VALUES ('revenue', -$3::bigint), ('provider_clearing', $3::bigint)) AS e (account, cents)`,
    [tenantId, postedAt, cents],
  )
}
