import type { Queryable } from '@nightshift/runtime/postgres/postgres'

export type StatementLine = {
  line: string
  postedAt: Date
  kind: 'capture' | 'refund'
  paymentId: string
  /** The amount of a payment, or the negative amount of a refund. */
  amountCents: bigint
  taxCents: bigint
}

export type StatementFilter = {
  tenantId: string
  /** The first moment of the month, and the first moment of the next month. */
  from: Date
  before: Date
  afterLine: string | undefined
  limit: number
}

export type StatementPage = { openingBalanceCents: bigint; lines: StatementLine[] }

/** Returns undefined if `afterLine` is not a line of the tenant. */
export type ReadStatementPage = (filter: StatementFilter) => Promise<StatementPage | undefined>

/** The position of a line in the order of all lines. */
type Position = { postedIn: string; line: string }
type PositionedFilter = Omit<StatementFilter, 'afterLine'> & { after: Position }

type LineRow = {
  transaction_id: string
  posted_at: Date
  source: 'capture' | 'refund'
  payment_id: string
  amount_cents: string
  tax_cents: string
}

const beginning: Position = { postedIn: '0', line: '0' }

/**
 * Transactions commit in another order than that of their numbers. So a line with a lower number
 * may appear after a reader has passed its position. Lines are read only when no earlier line can
 * appear any more, because every transaction that began to write earlier has ended. A transaction
 * that stays open delays statements, and never makes them wrong.
 */
const isSettled = 't.posted_in < pg_snapshot_xmin(pg_current_snapshot())'

/**
 * A payment is credited to revenue and tax, and a refund is debited to refunds and tax. So the
 * amount of a line is the negative sum of these entries. It is a `bigint`, which arrives as text.
 */
const amountOfLine = `-sum(amount_cents) FILTER (WHERE account IN ('revenue', 'tax', 'refunds'))`

/**
 * A page of lines, and the balance before it. Undefined if `afterLine` is not a line of the tenant.
 * @param tx a transaction with one snapshot, or the lines might not fit the balance
 */
export async function readStatementPage(
  tx: Queryable,
  { afterLine, ...filter }: StatementFilter,
): Promise<StatementPage | undefined> {
  const { tenantId } = filter
  const after = afterLine === undefined ? beginning : await findPosition(tx, tenantId, afterLine)
  if (!after) return undefined
  const positioned = { ...filter, after }
  return {
    openingBalanceCents: await balanceBefore(tx, positioned),
    lines: await statementLines(tx, positioned),
  }
}

async function findPosition(
  tx: Queryable,
  tenantId: string,
  line: string,
): Promise<Position | undefined> {
  const { rows } = await tx.query<{ posted_in: string }>({
    name: 'statement_position',
    text: `SELECT posted_in::text FROM ledger_transactions
           WHERE tenant_id = $1 AND transaction_id = $2`,
    values: [tenantId, line],
  })
  return rows[0] && { postedIn: rows[0].posted_in, line }
}

async function balanceBefore(
  tx: Queryable,
  { tenantId, from, before, after }: PositionedFilter,
): Promise<bigint> {
  const { rows } = await tx.query<{ balance: string | null }>({
    name: 'statement_balance',
    text: `SELECT (${amountOfLine})::text AS balance
           FROM ledger_transactions t JOIN ledger_entries e USING (transaction_id)
           WHERE t.tenant_id = $1 AND ${isSettled}
             AND (t.posted_at < $2 OR (t.posted_at < $3
               AND (t.posted_in, t.transaction_id) <= ($4::xid8, $5::bigint)))`,
    values: [tenantId, from, before, after.postedIn, after.line],
  })
  return BigInt(rows[0]?.balance ?? 0)
}

/** The lines in order, without balances: a balance depends on all lines before it. */
async function statementLines(
  tx: Queryable,
  { tenantId, from, before, after, limit }: PositionedFilter,
): Promise<StatementLine[]> {
  const { rows } = await tx.query<LineRow>({
    name: 'statement_lines',
    text: `SELECT t.transaction_id::text, t.posted_at, t.source, t.payment_id,
             (${amountOfLine})::text AS amount_cents,
             coalesce(-sum(amount_cents) FILTER (WHERE account = 'tax'), 0)::text AS tax_cents
           FROM ledger_transactions t JOIN ledger_entries e USING (transaction_id)
           WHERE t.tenant_id = $1 AND t.posted_at >= $2 AND t.posted_at < $3 AND ${isSettled}
             AND (t.posted_in, t.transaction_id) > ($4::xid8, $5::bigint)
           GROUP BY t.transaction_id ORDER BY t.posted_in, t.transaction_id LIMIT $6`,
    values: [tenantId, from, before, after.postedIn, after.line, limit],
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
