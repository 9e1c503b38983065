import type { ListingEvent } from '@nightshift/contracts/events'
import { inTransaction, type Queryable } from '@nightshift/runtime/postgres/postgres'
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

type Cursor = { anchor: string; alert: string }

/**
 * Intends mails for the next alerts that match, and moves the cursor in the same transaction. Does
 * nothing when another instance is at the same announcement.
 */
export function matchSlice(
  pool: Pool,
  listing: AdvertisedListing,
  terms: readonly string[],
  sliceMax: number,
): Promise<void> {
  return inTransaction(pool, async tx => {
    const { rows } = await tx.query<Cursor>({
      name: 'hold_announcement',
      text: `SELECT matched_anchor AS anchor, matched_alert AS alert FROM announcements
             WHERE listing_id = $1 AND matched_at IS NULL FOR NO KEY UPDATE SKIP LOCKED`,
      values: [listing.listingId],
    })
    const [cursor] = rows
    if (cursor === undefined) return
    const slice = await intendMails(tx, listing, terms, cursor, sliceMax)
    const isDone = slice.looked < sliceMax
    await moveCursor(tx, listing.listingId, slice.last ?? cursor, isDone)
    if (slice.intended > 0) await wakeQueue(tx, listing.listingId)
  })
}

type Slice = { looked: number; intended: number; last: Cursor | undefined }

/**
 * One delivery for each confirmed address with an alert that matches. Only alerts whose anchor is a
 * term of the listing are looked at, and those without text, whose anchor is empty. The unique
 * (listing, address) keeps it at one when alerts of an address lie in several slices. An alert for a
 * region is also for what is open worldwide.
 */
async function intendMails(
  tx: Queryable,
  listing: AdvertisedListing,
  terms: readonly string[],
  after: Cursor,
  sliceMax: number,
): Promise<Slice> {
  const { rows } = await tx.query<{
    looked: number
    intended: number
    anchor: string | null
    alert: string | null
  }>({
    name: 'intend_mails',
    // The vector is made once per statement, not once per alert.
    text: `WITH document AS MATERIALIZED (
             SELECT array_to_tsvector($2::text[]) AS terms
           ), slice AS MATERIALIZED (
             SELECT anchor, alert_id, address, query, area, seniority, salary_at_least_eur
             FROM alerts
             WHERE anchor = ANY (''::text || $2::text[]) AND (anchor, alert_id) > ($3, $4::uuid)
             ORDER BY anchor, alert_id LIMIT $5
           ), last AS (
             SELECT anchor, alert_id FROM slice ORDER BY anchor DESC, alert_id DESC LIMIT 1
           ), intended AS (
             INSERT INTO deliveries (listing_id, address, consent_version)
             SELECT DISTINCT $1::uuid, addresses.address, consent_version
             FROM document CROSS JOIN slice JOIN addresses USING (address)
             WHERE confirmed_at IS NOT NULL
               AND (area IS NULL OR area = $6 OR $6 = 'worldwide')
               AND (seniority IS NULL OR seniority = $7)
               AND (salary_at_least_eur IS NULL OR salary_at_least_eur <= $8)
               AND (query IS NULL OR document.terms @@ query)
             ON CONFLICT (listing_id, address) DO NOTHING
             RETURNING delivery_id
           )
           SELECT (SELECT count(*) FROM slice)::int AS looked,
             (SELECT count(*) FROM intended)::int AS intended,
             (SELECT anchor FROM last) AS anchor, (SELECT alert_id FROM last) AS alert`,
    values: [
      listing.listingId,
      terms,
      after.anchor,
      after.alert,
      sliceMax,
      listing.area,
      listing.seniority,
      listing.salaryMaxEurPerYear,
    ],
  })
  const [{ looked, intended, anchor, alert } = nothing] = rows
  const last = anchor === null || alert === null ? undefined : { anchor, alert }
  return { looked, intended, last }
}

const nothing = { looked: 0, intended: 0, anchor: null, alert: null }

async function moveCursor(
  tx: Queryable,
  listingId: string,
  { anchor, alert }: Cursor,
  isDone: boolean,
): Promise<void> {
  await tx.query({
    name: 'move_cursor',
    text: `UPDATE announcements SET matched_anchor = $2, matched_alert = $3,
             matched_at = CASE WHEN $4 THEN now() END
           WHERE listing_id = $1`,
    values: [listingId, anchor, alert, isDone],
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
