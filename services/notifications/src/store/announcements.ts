import type { ListingEvent } from '@nightshift/contracts/events'
import type { RememberEvent } from '@nightshift/patterns/inbox/inbox'
import { deleteRows } from '@nightshift/runtime/postgres/delete-rows'
import { inTransaction, type Queryable } from '@nightshift/runtime/postgres/postgres'
import { currentTraceparent } from '@nightshift/runtime/telemetry/tracing'
import type { Pool } from 'pg'
import type { AdvertisedListing } from '../domain/mail.ts'
import type { ApplyListingEventDeps } from '../flows/apply-listing-event.ts'

/** The statements of one listing event, in one transaction. */
export function listingEventTransaction(
  pool: Pool,
  rememberEvent: RememberEvent,
): ApplyListingEventDeps['inOneTransaction'] {
  return work =>
    inTransaction(pool, tx =>
      work({
        rememberEvent: eventId => rememberEvent(tx, 'listings.v1', eventId),
        announce: event => announce(tx, event, currentTraceparent()),
      }),
    )
}

/**
 * Records that a listing must be announced. A second event about the same listing has no effect.
 */
async function announce(
  tx: Queryable,
  { data, occurredAt }: ListingEvent,
  traceparent: string | undefined,
): Promise<void> {
  await tx.query({
    name: 'announce',
    text: `INSERT INTO announcements (listing_id, listing, live_at, traceparent)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (listing_id) DO NOTHING`,
    values: [data.listingId, JSON.stringify(data), timeOf(occurredAt), traceparent],
  })
}

/**
 * The contract allows times that JavaScript or PostgreSQL do not have: a leap second, the year 0. An
 * announcement must not fail for the sake of a measurement.
 */
function timeOf(occurredAt: string): Date {
  const atMs = Date.parse(occurredAt)
  return new Date(Number.isNaN(atMs) ? Date.now() : Math.max(0, atMs))
}

/** Takes the open announcement whose turn it is. Its new number puts it behind all others. */
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
 * Inserts deliveries for the next matching alerts, and moves the cursor in the same transaction.
 * Does nothing if another instance works on the same announcement.
 */
export function matchSlice(
  pool: Pool,
  listing: AdvertisedListing,
  terms: readonly string[],
  sliceMax: number,
): Promise<void> {
  return inTransaction(pool, async tx => {
    const { rows } = await tx.query<Cursor>({
      name: 'lock_announcement',
      text: `SELECT matched_anchor AS anchor, matched_alert AS alert FROM announcements
             WHERE listing_id = $1 AND matched_at IS NULL FOR NO KEY UPDATE SKIP LOCKED`,
      values: [listing.listingId],
    })
    const [cursor] = rows
    if (cursor === undefined) return
    const slice = await insertDeliveries(tx, listing, terms, cursor, sliceMax)
    const isDone = slice.alerts < sliceMax
    await moveCursor(tx, listing.listingId, slice.last ?? cursor, isDone)
    if (slice.deliveries > 0) await wakeQueue(tx, listing.listingId)
  })
}

/** How many alerts were checked, and how many deliveries were inserted for them. */
type Slice = { alerts: number; deliveries: number; last: Cursor | undefined }

/**
 * Inserts one delivery for each confirmed address with a matching alert. Only alerts whose anchor
 * is a term of the listing are checked, and alerts without text, whose anchor is empty. The unique
 * (listing, address) keeps it at one delivery if several slices have alerts of an address. An alert
 * for a region also matches worldwide listings.
 */
async function insertDeliveries(
  tx: Queryable,
  listing: AdvertisedListing,
  terms: readonly string[],
  after: Cursor,
  sliceMax: number,
): Promise<Slice> {
  const { rows } = await tx.query<{
    alerts: number
    deliveries: number
    anchor: string | null
    alert: string | null
  }>({
    name: 'insert_deliveries',
    // The vector is computed once per statement, not once per alert.
    text: `WITH document AS MATERIALIZED (
             SELECT array_to_tsvector($2::text[]) AS terms
           ), slice AS MATERIALIZED (
             SELECT anchor, alert_id, address, query, area, seniority, salary_at_least_eur
             FROM alerts
             WHERE anchor = ANY (''::text || $2::text[]) AND (anchor, alert_id) > ($3, $4::uuid)
             ORDER BY anchor, alert_id LIMIT $5
           ), last AS (
             SELECT anchor, alert_id FROM slice ORDER BY anchor DESC, alert_id DESC LIMIT 1
           ), inserted AS (
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
           SELECT (SELECT count(*) FROM slice)::int AS alerts,
             (SELECT count(*) FROM inserted)::int AS deliveries,
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
  const [{ alerts, deliveries, anchor, alert } = emptySlice] = rows
  const last = anchor === null || alert === null ? undefined : { anchor, alert }
  return { alerts, deliveries, last }
}

const emptySlice = { alerts: 0, deliveries: 0, anchor: null, alert: null }

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

/**
 * A new queue comes before all others, so that the first mail of a listing waits for no other
 * listing.
 */
async function wakeQueue(tx: Queryable, listingId: string): Promise<void> {
  await tx.query({
    name: 'wake_queue',
    text: `INSERT INTO mail_queues AS queue (queue_id, due_at) VALUES ($1, now())
           ON CONFLICT (queue_id) DO UPDATE
           SET due_at = least(queue.due_at, now()), wakes = queue.wakes + 1`,
    values: [listingId],
  })
}

/**
 * Deletes mails of the oldest announcements, and those announcements that have none any more, with
 * their queues. Mails that are under way stay, and so does their announcement.
 */
export async function deleteOldAnnouncements(
  db: Queryable,
  keptDays: number,
  rowsMax: number,
): Promise<number> {
  const deliveries = await deleteRows(db, {
    name: 'delete_old_deliveries',
    table: 'deliveries',
    oldest: `SELECT ctid FROM deliveries
             WHERE listing_id = ANY (ARRAY(${oldestAnnouncements(rowsMax)}))
               AND status <> 'pending' LIMIT ${rowsMax}`,
    values: [keptDays],
  })
  const { rows } = await db.query<{ deleted: number }>({
    name: 'delete_old_announcements',
    text: `WITH old AS (
             SELECT listing_id
             FROM unnest(ARRAY(${oldestAnnouncements(rowsMax)})) AS oldest (listing_id)
             -- OFFSET 0: as a join, the planner reads the whole table for it.
             WHERE NOT EXISTS (
               SELECT FROM deliveries d WHERE d.listing_id = oldest.listing_id OFFSET 0)
           ), queues AS (
             DELETE FROM mail_queues WHERE queue_id = ANY (ARRAY(SELECT listing_id FROM old))
           ), deleted AS (
             DELETE FROM announcements WHERE listing_id = ANY (ARRAY(SELECT listing_id FROM old))
             RETURNING listing_id
           )
           SELECT count(*)::integer AS deleted FROM deleted`,
    values: [keptDays],
  })
  return deliveries + (rows[0]?.deleted ?? 0)
}

/** `$1`: how many days they are kept. */
function oldestAnnouncements(rowsMax: number): string {
  return `SELECT listing_id FROM announcements
    WHERE matched_at IS NOT NULL AND created_at < now() - $1 * interval '1 day'
    ORDER BY created_at LIMIT ${rowsMax}`
}
