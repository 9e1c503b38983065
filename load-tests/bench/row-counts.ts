import type { Queryable } from '@nightshift/runtime/postgres/postgres'

/** How many rows of each kind the tables of payments have. */
export type RowCounts = Readonly<{
  payments: number
  captured: number
  posted: number
  unbalanced: number
  events: number
  answers: number
}>

export async function readRowCounts(db: Queryable): Promise<RowCounts> {
  const { rows } = await db.query<RowCounts>(`
    SELECT (SELECT count(*)::integer FROM payments) AS payments,
      (SELECT count(*)::integer FROM payments WHERE status = 'captured') AS captured,
      (SELECT count(*)::integer FROM ledger_transactions WHERE source = 'capture') AS posted,
      (SELECT count(*)::integer FROM (
         SELECT FROM ledger_entries GROUP BY transaction_id, currency
         HAVING sum(amount_cents) <> 0) AS odd) AS unbalanced,
      (SELECT count(*)::integer FROM outbox) AS events,
      (SELECT count(*)::integer FROM idempotency_keys WHERE response_status = 201) AS answers`)
  const [counts] = rows
  if (!counts) throw new Error('a count has one row')
  return counts
}

/** Finds counts that contradict each other, when every payment should have been captured. */
export function contradictionsIn(
  counts: RowCounts,
  keeps: Readonly<{ keys: boolean; outbox: boolean }>,
): string[] {
  const { payments, unbalanced } = counts
  const asMany: (keyof RowCounts)[] = ['captured', 'posted']
  if (keeps.outbox) asMany.push('events')
  if (keeps.keys) asMany.push('answers')
  const contradictions = asMany
    .filter(name => counts[name] !== payments)
    .map(name => `${counts[name]} ${name} for ${payments} payments`)
  if (unbalanced > 0) contradictions.push(`${unbalanced} postings are not balanced`)
  return contradictions
}
