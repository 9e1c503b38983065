import type { Queryable } from '@nightshift/runtime/postgres/postgres'

export type StatementLine = {
  line: string
  postedAt: Date
  kind: 'capture' | 'refund'
  paymentId: string
  /** What the employer paid; negative where it was given back. */
  amountCents: bigint
  taxCents: bigint
}

export type StatementFilter = {
  tenantId: string
  /** The first moment of the month, and the first of the next. */
  from: Date
  before: Date
  afterLine: string | undefined
  limit: number
}

export type StatementPage = { openingBalanceCents: bigint; lines: StatementLine[] }

/** Undefined when the page shall begin after a line that the tenant does not have. */
export type ReadStatementPage = (filter: StatementFilter) => Promise<StatementPage | undefined>

/** The position of a line in the order of all lines. */
type Place = { postedIn: string; line: string }
type PlacedFilter = Omit<StatementFilter, 'afterLine'> & { after: Place }

type LineRow = {
  transaction_id: string
  posted_at: Date
  source: 'capture' | 'refund'
  payment_id: string
  amount_cents: string
  tax_cents: string
}

const beginning: Place = { postedIn: '0', line: '0' }

/**
 * Numbers are given out in one order and committed in another, so a line with a lower number may
 * appear after its reader has gone on. Lines are read and summed only when none can appear before them
 * any more: when every transaction that began to write earlier has ended. A transaction that stays
 * open delays statements and makes none wrong.
 */
const isSettled = 't.posted_in < pg_snapshot_xmin(pg_current_snapshot())'

/**
 * An employer's payment is what went to revenue and tax; a refund came out of them. So a line is the
 * sum of these entries of the ledger with the opposite sign, as `bigint`, which arrives as text.
 */
const amountOfLine = `-sum(amount_cents) FILTER (WHERE account IN ('revenue', 'tax', 'refunds'))`

/**
 * A page, and the balance before it: all payments less all refunds. Undefined when the tenant does
 * not have the line that the page shall begin after.
 * @param tx one snapshot, or the lines would not fit the balance
 */
export async function readStatementPage(
  tx: Queryable,
  { afterLine, ...filter }: StatementFilter,
): Promise<StatementPage | undefined> {
  const { tenantId } = filter
  const after = afterLine === undefined ? beginning : await findPlace(tx, tenantId, afterLine)
  if (!after) return undefined
  const placed = { ...filter, after }
  return {
    openingBalanceCents: await balanceBefore(tx, placed),
    lines: await statementLines(tx, placed),
  }
}

async function findPlace(
  tx: Queryable,
  tenantId: string,
  line: string,
): Promise<Place | undefined> {
  const { rows } = await tx.query<{ posted_in: string }>({
    name: 'statement_place',
    text: `SELECT posted_in::text FROM ledger_transactions
           WHERE tenant_id = $1 AND transaction_id = $2`,
    values: [tenantId, line],
  })
  return rows[0] && { postedIn: rows[0].posted_in, line }
}

async function balanceBefore(
  tx: Queryable,
  { tenantId, from, before, after }: PlacedFilter,
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
  { tenantId, from, before, after, limit }: PlacedFilter,
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
