import { withDatabase } from '@nightshift/local/prepare/database-admin'
import type { AgedCharge, Followed } from '../domain/charge-ledger.ts'
import { limits } from '../limits.ts'

export type FollowCharges = (
  charges: readonly AgedCharge[],
  /** Mails that were sent before are not looked at, in epoch milliseconds. */
  mailsSinceMs: number,
) => Promise<Followed>

/**
 * Follows charges of the provider's log into our own tables: to the ledger of payments, to the live
 * listings, and to the mails that announce these. All are found by indexes, so a look costs the same
 * however old the system is.
 * @param databases URLs of roles that may read everything
 */
export function followCharges(
  databases: Readonly<Record<'payments' | 'listings' | 'notifications', string>>,
): FollowCharges {
  const { mailWaitsMs } = limits.promises
  return async (charges, mailsSinceMs) => {
    const payments = charges.map(({ paymentId }) => paymentId)
    const publications = charges.flatMap(({ publicationId }) => publicationId ?? [])
    const [booked, published] = await Promise.all([
      readRows<{ id: string }>(
        databases.payments,
        `SELECT source_id AS id FROM ledger_transactions
         WHERE source = 'capture' AND source_id = ANY($1)`,
        [payments],
      ),
      // A payment that was made directly has a publication that listings does not know.
      readRows<{ id: string; listingId: string; status: string; liveForMs: number | null }>(
        databases.listings,
        `SELECT publication_id AS id, listing_id AS "listingId", publications.status,
           1000 * extract(epoch FROM now() - published_at)::float8 AS "liveForMs"
         FROM publications JOIN listings USING (listing_id)
         WHERE publication_id = ANY($1)`,
        [publications],
      ),
    ])
    const bookedIds = new Set(booked.map(({ id }) => id))
    const longLive = published.filter(({ liveForMs }) => (liveForMs ?? 0) > mailWaitsMs)
    return {
      looked: charges.length,
      unbooked: payments.filter(id => !bookedIds.has(id)),
      notLive: published.filter(({ status }) => status !== 'published').map(({ id }) => id),
      ...(await followMails(
        databases.notifications,
        longLive.map(({ listingId }) => listingId),
        mailsSinceMs,
      )),
    }
  }
}

/** What notifications has made of listings that are live. */
async function followMails(
  url: string,
  listings: readonly string[],
  sinceMs: number,
): Promise<Pick<Followed, 'unannounced' | 'mailsWaiting' | 'mailsSent'>> {
  const { mailWaitsMs, followedMax } = limits.promises
  const [announced, deliveries] = await Promise.all([
    readRows<{ id: string }>(
      url,
      `SELECT listing_id AS id FROM announcements
       WHERE listing_id = ANY($1) AND matched_at IS NOT NULL`,
      [listings],
    ),
    readRows<{ id: string; status: string }>(
      url,
      `SELECT delivery_id AS id, status FROM deliveries
       WHERE listing_id = ANY($1)
         AND (status = 'pending' AND created_at < now() - $2 * interval '1 millisecond'
           OR status = 'sent' AND sent_at >= to_timestamp($3 / 1000.0))
       LIMIT $4`,
      [listings, mailWaitsMs, sinceMs, followedMax],
    ),
  ])
  const announcedIds = new Set(announced.map(({ id }) => id))
  const having = (wanted: string) =>
    deliveries.filter(({ status }) => status === wanted).map(({ id }) => id)
  return {
    unannounced: listings.filter(id => !announcedIds.has(id)),
    mailsWaiting: having('pending'),
    mailsSent: having('sent'),
  }
}

async function readRows<Row extends object>(
  url: string,
  text: string,
  values: unknown[],
): Promise<Row[]> {
  const { rows } = await withDatabase(url, database => database.query<Row>(text, values))
  return rows
}
