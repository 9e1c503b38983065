import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Limits } from '../limits.ts'

/**
 * Transactions commit in another order than that of their numbers. So a posting with a lower number may
 * appear after one with a higher number has been seen. A posting becomes a line only when no earlier one
 * can appear any more, because every transaction that began to write earlier has ended. A transaction
 * that stays open delays statements, and never makes them wrong.
 */
const isSettled = 't.posted_in < pg_snapshot_xmin(pg_current_snapshot())'

/**
 * A payment is credited to revenue and tax, and a refund is debited to refunds and tax. So the amount
 * of a line is the negative sum of these entries.
 */
const amountOfLine = `-sum(e.amount_cents) FILTER (WHERE e.account IN ('revenue', 'tax', 'refunds'))`

/**
 * Adds the postings that have settled to the statements of their tenants, the oldest first. One process
 * at a time does it; another one that comes meanwhile adds nothing.
 * @returns how many lines were added
 */
export async function addStatementLines(db: Queryable, linesMax: number): Promise<number> {
  const { rows } = await db.query<{ added: number }>({
    name: 'add_statement_lines',
    text: `WITH reached AS (
        SELECT posted_in, transaction_id FROM statement_position FOR UPDATE SKIP LOCKED
      ), seen AS (
        -- By the snapshot of this statement. The locked row may be newer: another process has moved it
        -- since, this statement does not see its lines, and adds none.
        SELECT posted_in, transaction_id FROM statement_position
      ), settled AS MATERIALIZED (
        SELECT t.* FROM reached JOIN seen USING (posted_in, transaction_id), LATERAL (
          SELECT * FROM ledger_transactions t
          WHERE (t.posted_in, t.transaction_id) > (reached.posted_in, reached.transaction_id)
            AND ${isSettled}
          ORDER BY t.posted_in, t.transaction_id LIMIT ${linesMax}) AS t
      ), summed AS (
        SELECT s.tenant_id, s.transaction_id, s.posted_in, s.posted_at, s.source, s.payment_id,
          e.amount_cents, e.tax_cents
        FROM settled s, LATERAL (
          SELECT ${amountOfLine} AS amount_cents,
            coalesce(-sum(e.amount_cents) FILTER (WHERE e.account = 'tax'), 0) AS tax_cents
          FROM ledger_entries e WHERE e.transaction_id = s.transaction_id) AS e
      ), tenants AS (
        SELECT d.tenant_id, coalesce(l.line_no, 0) AS line_no,
          coalesce(l.balance_cents, 0) AS balance_cents, coalesce(l.month, '-infinity') AS month
        FROM (SELECT DISTINCT tenant_id FROM settled) AS d LEFT JOIN LATERAL (
          SELECT line_no, balance_cents, month FROM statement_lines l
          WHERE l.tenant_id = d.tenant_id ORDER BY month DESC, line_no DESC LIMIT 1) AS l ON true
      ), added AS (
        INSERT INTO statement_lines (tenant_id, line_no, month, transaction_id, posted_at, source,
          payment_id, amount_cents, tax_cents, balance_cents)
        SELECT s.tenant_id, t.line_no + row_number() OVER earlier,
          greatest(t.month, max(date_trunc('month', s.posted_at AT TIME ZONE 'UTC')) OVER earlier),
          s.transaction_id, s.posted_at, s.source, s.payment_id, s.amount_cents, s.tax_cents,
          t.balance_cents + sum(s.amount_cents) OVER earlier
        FROM summed s JOIN tenants t USING (tenant_id)
        WINDOW earlier AS (PARTITION BY s.tenant_id ORDER BY s.posted_in, s.transaction_id)
        RETURNING line_no
      ), moved AS (
        UPDATE statement_position p
        SET posted_in = last.posted_in, transaction_id = last.transaction_id
        FROM (SELECT posted_in, transaction_id FROM settled
              ORDER BY posted_in DESC, transaction_id DESC LIMIT 1) AS last
      )
      SELECT count(*)::integer AS added FROM added`,
  })
  return rows[0]?.added ?? 0
}

/** Adds lines until there are no more, and looks again soon: a statement is as late as this job. */
export function statementLinesJob(db: Queryable, { linesMax, idleMs }: Limits['statements']) {
  const runOnce = () => addStatementLines(db, linesMax)
  return { name: 'add-statement-lines', runOnce, batchMax: linesMax, idleMs }
}
