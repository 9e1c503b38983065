import type { ListingEvent } from '@nightshift/contracts/events'
import type { Queryable } from '@nightshift/runtime/postgres'
import type { AdvertisedListing, Delivery } from '../domain/mail.ts'

/**
 * One delivery for each address with an alert that matches. The unique (listing, address) holds what
 * the DISTINCT promises, also against an event of another id about the same listing.
 * A candidate who asks for a region is also told of what is open worldwide.
 */
export async function intendMails(
  tx: Queryable,
  listing: ListingEvent['data'],
  traceparent: string | undefined,
): Promise<number> {
  const { rowCount } = await tx.query({
    name: 'intend_mails',
    text: `INSERT INTO deliveries (listing_id, email, listing, traceparent)
           SELECT DISTINCT $1::uuid, email, $2::jsonb, $3 FROM alerts
           WHERE (area IS NULL OR area = $4 OR $4 = 'worldwide')
             AND (seniority IS NULL OR seniority = $5)
             AND (salary_at_least_eur IS NULL OR salary_at_least_eur <= $6)
             AND (text IS NULL
                  OR to_tsvector('english', $7) @@ websearch_to_tsquery('english', text))
           ON CONFLICT (listing_id, email) DO NOTHING`,
    values: [
      listing.listingId,
      JSON.stringify(listing),
      traceparent,
      listing.area,
      listing.seniority,
      listing.salaryMaxEurPerYear,
      `${listing.title}\n${listing.company}\n${listing.description}`,
    ],
  })
  return rowCount ?? 0
}

/** Takes mails that are due, for the length of a lease. Who dies gives them back by doing nothing. */
export async function takeDueDeliveries(
  db: Queryable,
  batchMax: number,
  leaseMs: number,
): Promise<Delivery[]> {
  const { rows } = await db.query<{
    delivery_id: string
    email: string
    listing: AdvertisedListing
    attempts: number
    traceparent: string | null
  }>({
    name: 'take_due_deliveries',
    text: `UPDATE deliveries SET next_attempt_at = now() + $2 * interval '1 millisecond'
           WHERE delivery_id IN (
             SELECT delivery_id FROM deliveries
             WHERE status = 'pending' AND next_attempt_at <= now()
             ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED)
           RETURNING delivery_id, email, listing, attempts, traceparent`,
    values: [batchMax, leaseMs],
  })
  return rows.map(row => ({
    deliveryId: row.delivery_id,
    email: row.email,
    listing: row.listing,
    attempts: row.attempts,
    traceparent: row.traceparent,
  }))
}

export async function markSent(db: Queryable, deliveryId: string): Promise<void> {
  await db.query({
    name: 'mark_sent',
    text: `UPDATE deliveries SET status = 'sent', sent_at = now(), next_attempt_at = NULL,
             attempts = attempts + 1
           WHERE delivery_id = $1 AND status = 'pending'`,
    values: [deliveryId],
  })
}

export async function markFailed(db: Queryable, deliveryId: string, reason: string): Promise<void> {
  await db.query({
    name: 'mark_failed',
    text: `UPDATE deliveries SET status = 'failed', failure = $2, next_attempt_at = NULL,
             attempts = attempts + 1
           WHERE delivery_id = $1 AND status = 'pending'`,
    values: [deliveryId, reason],
  })
}

/** The wait doubles with each attempt and is capped, and half of it is random: see jitter.ts. */
export async function postponeDelivery(
  db: Queryable,
  deliveryId: string,
  baseMs: number,
  capMs: number,
): Promise<void> {
  await db.query({
    name: 'postpone_delivery',
    text: `UPDATE deliveries
           SET attempts = attempts + 1,
               next_attempt_at = now() + (0.5 + random() / 2) * interval '1 millisecond'
                 * least($3::float8, $2::float8 * 2 ^ least(attempts, 20))
           WHERE delivery_id = $1 AND status = 'pending'`,
    values: [deliveryId, baseMs, capMs],
  })
}
