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
  /** The first day of the month, for example 2026-11-01. */
  month: string
  afterLine: string | undefined
  limit: number
}

export type StatementPage = { openingBalanceCents: bigint; lines: StatementLine[] }

/** Returns undefined if `afterLine` is not a line of the tenant. */
export type ReadStatementPage = (filter: StatementFilter) => Promise<StatementPage | undefined>

type LineRow = {
  transaction_id: string
  posted_at: Date
  source: 'capture' | 'refund'
  payment_id: string
  amount_cents: string
  tax_cents: string
}

/**
 * A page of lines, and the balance before it. Undefined if `afterLine` is not a line of the tenant.
 * Lines are only added behind all others, so a page that was read does not change.
 * @param tx a transaction with one snapshot, or the lines might not fit the balance
 */
export async function readStatementPage(
  tx: Queryable,
  filter: StatementFilter,
): Promise<StatementPage | undefined> {
  const after = filter.afterLine === undefined ? '0' : await findLineNo(tx, filter)
  if (after === undefined) return undefined
  return {
    openingBalanceCents: await balanceBefore(tx, filter, after),
    lines: await statementLines(tx, filter, after),
  }
}

async function findLineNo(
  tx: Queryable,
  { tenantId, afterLine }: StatementFilter,
): Promise<string | undefined> {
  const { rows } = await tx.query<{ line_no: string }>({
    name: 'statement_line_no',
    text: `SELECT line_no FROM statement_lines WHERE tenant_id = $1 AND transaction_id = $2`,
    values: [tenantId, afterLine],
  })
  return rows[0]?.line_no
}

/** The balance after the last line that comes before the page. */
async function balanceBefore(
  tx: Queryable,
  { tenantId, month }: StatementFilter,
  after: string,
): Promise<bigint> {
  const { rows } = await tx.query<{ balance_cents: string }>({
    name: 'statement_balance',
    text: `SELECT balance_cents FROM statement_lines
           WHERE tenant_id = $1 AND (month, line_no) <= ($2::date, $3::bigint)
           ORDER BY month DESC, line_no DESC LIMIT 1`,
    values: [tenantId, month, after],
  })
  return BigInt(rows[0]?.balance_cents ?? 0)
}

async function statementLines(
  tx: Queryable,
  { tenantId, month, limit }: StatementFilter,
  after: string,
): Promise<StatementLine[]> {
  const { rows } = await tx.query<LineRow>({
    name: 'statement_lines',
    text: `SELECT transaction_id, posted_at, source, payment_id, amount_cents, tax_cents
           FROM statement_lines
           WHERE tenant_id = $1 AND month = $2::date AND line_no > $3
           ORDER BY line_no LIMIT $4`,
    values: [tenantId, month, after, limit],
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
