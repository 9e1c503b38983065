import { inTransaction, type Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Pool } from 'pg'

/** False if the address was unsubscribed after the link was made. */
export async function confirmAddress(
  db: Queryable,
  addressId: string,
  consentVersion: number,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'confirm_address',
    text: `UPDATE addresses SET confirmed_at = coalesce(confirmed_at, now())
           WHERE address_id = $1 AND consent_version = $2`,
    values: [addressId, consentVersion],
  })
  return rowCount === 1
}

/**
 * Ends all alerts of an address. Mails that no sender has taken yet are suppressed, because they
 * belong to an earlier consent. The second statement also sees an alert that the first had to wait
 * for.
 */
export function unsubscribeAddress(pool: Pool, addressId: string): Promise<void> {
  return inTransaction(pool, async tx => {
    const { rows } = await tx.query<{ address: string }>({
      name: 'unsubscribe_address',
      text: `UPDATE addresses SET confirmed_at = NULL, unsubscribed_at = now(),
               consent_version = consent_version + 1
             WHERE address_id = $1 RETURNING address`,
      values: [addressId],
    })
    await tx.query({
      name: 'end_alerts',
      text: 'DELETE FROM alerts WHERE address = $1',
      values: [rows[0]?.address],
    })
  })
}

/**
 * Deletes addresses that are unconfirmed, or were unsubscribed, with their alerts. An address
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
               -- OFFSET 0: as a join, the planner reads the whole table for it.
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
