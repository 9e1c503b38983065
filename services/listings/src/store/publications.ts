import type { LeasedWork } from '@nightshift/patterns/lease/lease'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Publication } from '../domain/publication.ts'
import { type PublicationRow, publicationColumns, toPublication } from './publication-row.ts'

export type NewPublication = {
  publicationId: string
  listingId: string
  tenantId: string
  plan: string
  amountCents: number
  cardToken: string
  keyHash: Buffer
  fingerprint: Buffer
  traceparent: string | undefined
  firstCheckMs: number
}

export async function insertPublication(
  tx: Queryable,
  publication: NewPublication,
): Promise<Publication> {
  const { rows } = await tx.query<PublicationRow>({
    name: 'insert_publication',
    text: `INSERT INTO publications (publication_id, listing_id, tenant_id, plan, amount_cents,
             currency, card_token, key_hash, fingerprint, traceparent, next_check_at)
           VALUES ($1, $2, $3, $4, $5, 'EUR', $6, $7, $8, $9,
             now() + $10 * interval '1 millisecond')
           RETURNING ${publicationColumns}`,
    values: [
      publication.publicationId,
      publication.listingId,
      publication.tenantId,
      publication.plan,
      publication.amountCents,
      publication.cardToken,
      publication.keyHash,
      publication.fingerprint,
      publication.traceparent,
      publication.firstCheckMs,
    ],
  })
  const [row] = rows
  if (!row) throw new Error('an INSERT with RETURNING returned no row')
  return toPublication(row)
}

export async function findPublication(
  db: Queryable,
  publicationId: string,
): Promise<Publication | undefined> {
  const { rows } = await db.query<PublicationRow>({
    name: 'find_publication',
    text: `SELECT ${publicationColumns} FROM publications WHERE publication_id = $1`,
    values: [publicationId],
  })
  return rows[0] && toPublication(rows[0])
}

/** Finds a publication like `findPublication`, and locks its row until the transaction ends. */
export async function lockPublication(
  tx: Queryable,
  publicationId: string,
): Promise<Publication | undefined> {
  const { rows } = await tx.query<PublicationRow>({
    name: 'lock_publication',
    text: `SELECT ${publicationColumns} FROM publications WHERE publication_id = $1 FOR UPDATE`,
    values: [publicationId],
  })
  return rows[0] && toPublication(rows[0])
}

/**
 * Writes the state of a publication, if the row still has the number that was read. The new number
 * fences off every other owner.
 */
export async function updatePublication(
  tx: Queryable,
  { fence }: LeasedWork,
  after: Publication,
): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'update_publication',
    text: `UPDATE publications AS t
           SET status = $3, payment_id = $4, card_token = NULL, next_check_at = NULL,
             attempt = ${fence.next('t')}, updated_at = now()
           FROM (VALUES ($1::uuid, $2::integer)) AS owner (id, attempt)
           WHERE t.publication_id = owner.id AND ${fence.holds('t', 'owner')}`,
    values: [after.publicationId, after.attempt, after.status, after.paymentId],
  })
  return rowCount === 1
}

/** Ends an open publication as if it had not been asked for. False if another owner was first. */
export async function withdrawPublication(
  tx: Queryable,
  { fence }: LeasedWork,
  { publicationId, attempt }: Publication,
): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'withdraw_publication',
    text: `UPDATE publications AS t
           SET status = 'withdrawn', card_token = NULL, next_check_at = NULL,
             attempt = ${fence.next('t')}, updated_at = now()
           FROM (VALUES ($1::uuid, $2::integer)) AS owner (id, attempt)
           WHERE t.publication_id = owner.id AND t.status = 'pending'
             AND ${fence.holds('t', 'owner')}`,
    values: [publicationId, attempt],
  })
  return rowCount === 1
}

/** Begins a withdrawn publication anew. The owner of its key is the only one who may. */
export async function beginAgain(
  tx: Queryable,
  { fence }: LeasedWork,
  { publicationId }: Publication,
  cardToken: string,
  firstCheckMs: number,
): Promise<void> {
  await tx.query({
    name: 'begin_publication_again',
    text: `UPDATE publications AS t
           SET status = 'pending', card_token = $2, attempt = ${fence.next('t')}, updated_at = now(),
             next_check_at = now() + $3 * interval '1 millisecond'
           WHERE publication_id = $1 AND status = 'withdrawn'`,
    values: [publicationId, cardToken, firstCheckMs],
  })
}

/** How many publications of each tenant were left open by their requests. Counts up to `max` only. */
export async function countLeftOpen(db: Queryable, max: number): Promise<Map<string, number>> {
  const { rows } = await db.query<{ tenant_id: string; count: number }>({
    name: 'count_left_open',
    text: `SELECT tenant_id, count(*)::integer AS count FROM (
             SELECT tenant_id FROM publications
             WHERE next_check_at IS NOT NULL AND checks > 0 LIMIT $1) AS open
           GROUP BY tenant_id`,
    values: [max],
  })
  return new Map(rows.map(row => [row.tenant_id, row.count]))
}

export type DuePublication = { publication: Publication; traceparent: string | null }

/** Takes the publication that has been due longest, for one lease. */
export async function takeDuePublication(
  db: Queryable,
  work: LeasedWork,
  leaseMs: number,
): Promise<DuePublication | undefined> {
  const { rows } = await db.query<PublicationRow & { traceparent: string | null }>({
    name: 'take_due_publication',
    text: `WITH ${work.takeDue('$1')} SELECT ${publicationColumns}, traceparent FROM taken`,
    values: [leaseMs],
  })
  return rows[0] && { publication: toPublication(rows[0]), traceparent: rows[0].traceparent }
}

/**
 * Deletes publications that were withdrawn long ago, with their keys. Payments has not begun them, so
 * nothing is known of them anywhere else. A claim locks the key first and then the publication, so one of
 * which either is locked is left for the next round.
 */
export async function deleteWithdrawn(
  db: Queryable,
  keptDays: number,
  rowsMax: number,
): Promise<number> {
  const { rows } = await db.query<{ deleted: number }>({
    name: 'delete_withdrawn',
    text: `WITH old AS (
             SELECT p.publication_id
             FROM publications p JOIN idempotency_keys k ON k.subject_id = p.publication_id
             WHERE p.status = 'withdrawn' AND p.updated_at < now() - $1 * interval '1 day'
             ORDER BY p.updated_at LIMIT ${rowsMax} FOR UPDATE OF p, k SKIP LOCKED
           ), keys AS (
             DELETE FROM idempotency_keys
             WHERE subject_id = ANY (ARRAY(SELECT publication_id FROM old))
           ), deleted AS (
             DELETE FROM publications
             WHERE publication_id = ANY (ARRAY(SELECT publication_id FROM old))
             RETURNING publication_id
           )
           SELECT count(*)::integer AS deleted FROM deleted`,
    values: [keptDays],
  })
  return rows[0]?.deleted ?? 0
}
