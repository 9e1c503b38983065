import type { ListingEvent } from '@nightshift/contracts/events'
import { inTransaction, type Queryable } from '@nightshift/runtime/postgres'
import type { Pool } from 'pg'
import type { AdvertisedListing } from '../domain/mail.ts'

/** An event of another id about the same listing announces nothing more. */
export async function announce(
  tx: Queryable,
  listing: ListingEvent['data'],
  traceparent: string | undefined,
): Promise<void> {
  await tx.query({
    name: 'announce',
    text: `INSERT INTO announcements (listing_id, listing, traceparent) VALUES ($1, $2, $3)
           ON CONFLICT (listing_id) DO NOTHING`,
    values: [listing.listingId, JSON.stringify(listing), traceparent],
  })
}

/** The open announcement whose turn it is. The new number puts it behind all others. */
export async function takeMatchingTurn(db: Queryable): Promise<AdvertisedListing | undefined> {
  const { rows } = await db.query<{ listing: AdvertisedListing }>({
    name: 'take_matching_turn',
    text: `UPDATE announcements SET turn = nextval('announcement_turns')
           WHERE listing_id = (
             SELECT listing_id FROM announcements WHERE matched_at IS NULL
             ORDER BY turn LIMIT 1 FOR NO KEY UPDATE)
           RETURNING listing`,
  })
  return rows[0]?.listing
}

/**
 * Intends mails for the next alerts that match, in the order of their ids, and moves the cursor in
 * the same transaction. Does nothing when another instance is at the same announcement.
 * @returns how many alerts were looked at
 */
export function matchSlice(
  pool: Pool,
  listing: AdvertisedListing,
  terms: readonly string[],
  sliceMax: number,
): Promise<number> {
  return inTransaction(pool, async tx => {
    const { rows } = await tx.query<{ matched_to: string | null }>({
      name: 'hold_announcement',
      text: `SELECT matched_to FROM announcements
             WHERE listing_id = $1 AND matched_at IS NULL FOR NO KEY UPDATE SKIP LOCKED`,
      values: [listing.listingId],
    })
    const [held] = rows
    if (held === undefined) return 0
    const slice = await intendMails(tx, listing, terms, held.matched_to, sliceMax)
    const isDone = slice.looked < sliceMax
    await moveCursor(tx, listing.listingId, slice.last ?? held.matched_to, isDone)
    if (slice.intended > 0) await wakeQueue(tx, listing.listingId)
    return slice.looked
  })
}

/**
 * One delivery for each confirmed address with an alert that matches. The unique (listing, address)
 * keeps it at one when alerts of an address lie in several slices. An alert for a region is also for
 * what is open worldwide.
 */
async function intendMails(
  tx: Queryable,
  listing: AdvertisedListing,
  terms: readonly string[],
  after: string | null,
  sliceMax: number,
): Promise<{ looked: number; last: string | null; intended: number }> {
  const { rows } = await tx.query<{ looked: number; last: string | null; intended: number }>({
    name: 'intend_mails',
    // The vector is made once per statement, not once per alert. The lowest uuid stands for "from the
    // beginning", because no random id is it.
    text: `WITH document AS MATERIALIZED (
             SELECT array_to_tsvector($2::text[]) AS terms
           ), slice AS MATERIALIZED (
             SELECT alert_id, address, query, area, seniority, salary_at_least_eur FROM alerts
             WHERE alert_id > coalesce($3::uuid, '00000000-0000-0000-0000-000000000000')
             ORDER BY alert_id LIMIT $4
           ), intended AS (
             INSERT INTO deliveries (listing_id, address, consent_version)
             SELECT DISTINCT $1::uuid, addresses.address, consent_version
             FROM document CROSS JOIN slice JOIN addresses USING (address)
             WHERE confirmed_at IS NOT NULL
               AND (area IS NULL OR area = $5 OR $5 = 'worldwide')
               AND (seniority IS NULL OR seniority = $6)
               AND (salary_at_least_eur IS NULL OR salary_at_least_eur <= $7)
               AND (query IS NULL OR document.terms @@ query)
             ON CONFLICT (listing_id, address) DO NOTHING
             RETURNING delivery_id
           )
           SELECT (SELECT count(*) FROM slice)::int AS looked,
             (SELECT alert_id FROM slice ORDER BY alert_id DESC LIMIT 1) AS last,
             (SELECT count(*) FROM intended)::int AS intended`,
    values: [
      listing.listingId,
      terms,
      after,
      sliceMax,
      listing.area,
      listing.seniority,
      listing.salaryMaxEurPerYear,
    ],
  })
  return rows[0] ?? { looked: 0, last: null, intended: 0 }
}

async function moveCursor(
  tx: Queryable,
  listingId: string,
  matchedTo: string | null,
  isDone: boolean,
): Promise<void> {
  await tx.query({
    name: 'move_cursor',
    text: `UPDATE announcements SET matched_to = $2, matched_at = CASE WHEN $3 THEN now() END
           WHERE listing_id = $1`,
    values: [listingId, matchedTo, isDone],
  })
}

/** A new queue is before all others: the first mail of a listing waits for no other listing. */
async function wakeQueue(tx: Queryable, listingId: string): Promise<void> {
  await tx.query({
    name: 'wake_queue',
    text: `INSERT INTO mail_queues AS queue (queue_id, due_at) VALUES ($1, now())
           ON CONFLICT (queue_id) DO UPDATE
           SET due_at = least(queue.due_at, now()), wakes = queue.wakes + 1`,
    values: [listingId],
  })
}
