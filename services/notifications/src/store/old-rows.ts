import { deleteRows } from '@nightshift/runtime/postgres/delete-rows'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'

// `OFFSET 0` keeps the planner from turning a NOT EXISTS into a join, for which it reads the whole table.

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

/** Deletes old requests to confirm an address, which belong to no listing. */
export function deleteOldConfirmations(
  db: Queryable,
  keptDays: number,
  rowsMax: number,
): Promise<number> {
  return deleteRows(db, {
    name: 'delete_old_confirmations',
    table: 'deliveries',
    oldest: `SELECT ctid FROM deliveries
             WHERE listing_id IS NULL AND status <> 'pending'
               AND created_at < now() - $1 * interval '1 day'
             ORDER BY created_at LIMIT ${rowsMax}`,
    values: [keptDays],
  })
}

/**
 * Deletes addresses that nobody has confirmed, or that were unsubscribed, with their alerts. An address
 * gets a new id when it comes back, so no earlier link means anything then.
 */
export async function deleteAddressesWithoutConsent(
  db: Queryable,
  keptDays: number,
  rowsMax: number,
): Promise<number> {
  const { rows } = await db.query<{ deleted: number }>({
    name: 'delete_addresses_without_consent',
    text: `WITH old AS (
             SELECT address FROM addresses a
             WHERE confirmed_at IS NULL AND created_at < now() - $1 * interval '1 day'
               AND greatest(unsubscribed_at, confirmation_asked_at, created_at)
                 < now() - $1 * interval '1 day'
               AND NOT EXISTS (SELECT FROM deliveries d WHERE d.address = a.address OFFSET 0)
             ORDER BY created_at LIMIT ${rowsMax} FOR UPDATE SKIP LOCKED
           ), ended AS (
             DELETE FROM alerts WHERE address = ANY (ARRAY(SELECT address FROM old))
           ), deleted AS (
             DELETE FROM addresses WHERE address = ANY (ARRAY(SELECT address FROM old))
             RETURNING address
           )
           SELECT count(*)::integer AS deleted FROM deleted`,
    values: [keptDays],
  })
  return rows[0]?.deleted ?? 0
}

/** `$1`: how many days they are kept. */
function oldestAnnouncements(rowsMax: number): string {
  return `SELECT listing_id FROM announcements
    WHERE matched_at IS NOT NULL AND created_at < now() - $1 * interval '1 day'
    ORDER BY created_at LIMIT ${rowsMax}`
}
