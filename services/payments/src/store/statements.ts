import type { Queryable } from '@nightshift/runtime/postgres'

export type StatementLine = {
  line: string
  postedAt: Date
  kind: 'capture' | 'refund'
  paymentId: string
  /** What the employer paid; negative where it was given back. */
  amountCents: bigint
  taxCents: bigint
  /** All lines since the beginning, with this one. */
  balanceCents: bigint
}

export type StatementFilter = {
  tenantId: string
  /** The first moment of the month, and the first of the next. */
  from: Date
  before: Date
  afterLine: string | undefined
  limit: number
}

type LineRow = {
  transaction_id: string
  posted_at: Date
  source: 'capture' | 'refund'
  payment_id: string
  amount_cents: string
  tax_cents: string
}

/**
 * What an employer paid is what went to revenue and tax, and what was given back came out of them: the
 * ledger's own entries, with the sign turned around. Sums are of `bigint` and come as text.
 */
const amountOfLine = `-sum(amount_cents) FILTER (WHERE account IN ('revenue', 'tax', 'refunds'))`

/** All that was paid, less what was given back, before this moment or up to this line. */
export async function balanceBefore(
  db: Queryable,
  { tenantId, from, before, afterLine }: Omit<StatementFilter, 'limit'>,
): Promise<bigint> {
  const { rows } = await db.query<{ balance: string | null }>({
    name: 'statement_balance',
    text: `SELECT (${amountOfLine})::text AS balance
           FROM ledger_transactions t JOIN ledger_entries e USING (transaction_id)
           WHERE t.tenant_id = $1
             AND (t.posted_at < $2 OR (t.posted_at < $3 AND t.transaction_id <= $4::bigint))`,
    values: [tenantId, from, before, afterLine ?? '0'],
  })
  return BigInt(rows[0]?.balance ?? 0)
}

/** The lines of a page in their order, without balances: those depend on what came before. */
export async function statementLines(
  db: Queryable,
  { tenantId, from, before, afterLine, limit }: StatementFilter,
): Promise<Omit<StatementLine, 'balanceCents'>[]> {
  const { rows } = await db.query<LineRow>({
    name: 'statement_lines',
    text: `SELECT t.transaction_id::text, t.posted_at, t.source, t.payment_id,
             (${amountOfLine})::text AS amount_cents,
             coalesce(-sum(amount_cents) FILTER (WHERE account = 'tax'), 0)::text AS tax_cents
           FROM ledger_transactions t JOIN ledger_entries e USING (transaction_id)
           WHERE t.tenant_id = $1 AND t.posted_at >= $2 AND t.posted_at < $3
             AND t.transaction_id > $4::bigint
           GROUP BY t.transaction_id ORDER BY t.transaction_id LIMIT $5`,
    values: [tenantId, from, before, afterLine ?? '0', limit],
  })
  return rows.map(row => ({
    line: row.transaction_id,
    postedAt: row.posted_at,
    kind: row.source,
    paymentId: row.payment_id,
    amountCents: BigInt(row.amount_cents),
    taxCents: BigInt(row.tax_cents),
  }))
}
