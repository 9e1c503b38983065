import type { Queryable } from '@nightshift/runtime/postgres/postgres'

/** How many rows payments' tables have of each kind. */
export type Books = Readonly<{
  payments: number
  captured: number
  posted: number
  unbalanced: number
  told: number
  answered: number
}>

export async function readBooks(db: Queryable): Promise<Books> {
  const { rows } = await db.query<Books>(`
    SELECT (SELECT count(*)::integer FROM payments) AS payments,
      (SELECT count(*)::integer FROM payments WHERE status = 'captured') AS captured,
      (SELECT count(*)::integer FROM ledger_transactions WHERE source = 'capture') AS posted,
      (SELECT count(*)::integer FROM (
         SELECT FROM ledger_entries GROUP BY transaction_id, currency
         HAVING sum(amount_cents) <> 0) AS odd) AS unbalanced,
      (SELECT count(*)::integer FROM outbox) AS told,
      (SELECT count(*)::integer FROM idempotency_keys WHERE response_status = 201) AS answered`)
  const [books] = rows
  if (!books) throw new Error('a count has one row')
  return books
}

/** What of the books can't be, after payments that were all captured. */
export function bookMistakes(
  books: Books,
  keeps: Readonly<{ keys: boolean; outbox: boolean }>,
): string[] {
  const { payments, unbalanced } = books
  const asMany = ['captured', 'posted', ...(keeps.outbox ? ['told'] : [])] as (keyof Books)[]
  if (keeps.keys) asMany.push('answered')
  const mistakes = asMany
    .filter(name => books[name] !== payments)
    .map(name => `${books[name]} ${name} of ${payments}`)
  return unbalanced === 0 ? mistakes : [...mistakes, `${unbalanced} postings are not balanced`]
}
