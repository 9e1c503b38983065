import { withDatabase } from '@nightshift/local/prepare/database-admin'
import type { AgedCharge, Followed } from '../domain/charge-ledger.ts'

export type FollowCharges = (charges: readonly AgedCharge[]) => Promise<Followed>

/**
 * Looks for charges of the provider's log in the ledger of payments, and among the live publications.
 * Both are found by their primary keys, so a look costs the same however old the system is.
 * @param databases URLs of roles that may read everything
 */
export function followCharges(
  databases: Readonly<Record<'payments' | 'listings', string>>,
): FollowCharges {
  return async charges => {
    if (charges.length === 0) return { looked: 0, unbooked: [], notLive: [] }
    const payments = charges.map(({ paymentId }) => paymentId)
    const publications = charges.flatMap(({ publicationId }) => publicationId ?? [])
    const booked = await readIds(
      databases.payments,
      `SELECT source_id AS id FROM ledger_transactions WHERE source = 'capture' AND source_id = ANY($1)`,
      payments,
    )
    // A payment that was made directly has a publication that listings does not know.
    const notLive = await readIds(
      databases.listings,
      `SELECT publication_id AS id FROM publications
       WHERE publication_id = ANY($1) AND status <> 'published'`,
      publications,
    )
    return {
      looked: charges.length,
      unbooked: payments.filter(id => !booked.has(id)),
      notLive: [...notLive],
    }
  }
}

async function readIds(url: string, text: string, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await withDatabase(url, database => database.query<{ id: string }>(text, [ids]))
  return new Set(rows.map(({ id }) => id))
}
