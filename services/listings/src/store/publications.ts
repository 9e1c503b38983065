import type { Plan } from '@nightshift/contracts/listings-http'
import type { Queryable } from '@nightshift/runtime/postgres'
import type { Publication } from '../domain/publication.ts'

type PublicationRow = {
  publication_id: string
  listing_id: string
  tenant_id: string
  plan: Plan
  amount_cents: number
  currency: 'EUR'
  status: Publication['status']
  payment_id: string | null
  card_token: string | null
}

const columns = `publication_id, listing_id, tenant_id, plan, amount_cents, currency, status,
  payment_id, card_token`

export type NewPublication = {
  publicationId: string
  listingId: string
  tenantId: string
  plan: Plan
  amountCents: number
  cardToken: string
  traceparent: string | undefined
  firstCheckMs: number
}

export async function insertPublication(tx: Queryable, publication: NewPublication): Promise<void> {
  await tx.query({
    name: 'insert_publication',
    text: `INSERT INTO publications (publication_id, listing_id, tenant_id, plan, amount_cents,
             currency, card_token, traceparent, next_check_at)
           VALUES ($1, $2, $3, $4, $5, 'EUR', $6, $7, now() + $8 * interval '1 millisecond')`,
    values: [
      publication.publicationId,
      publication.listingId,
      publication.tenantId,
      publication.plan,
      publication.amountCents,
      publication.cardToken,
      publication.traceparent,
      publication.firstCheckMs,
    ],
  })
}

export async function findPublication(
  db: Queryable,
  publicationId: string,
): Promise<Publication | undefined> {
  const { rows } = await db.query<PublicationRow>({
    name: 'find_publication',
    text: `SELECT ${columns} FROM publications WHERE publication_id = $1`,
    values: [publicationId],
  })
  return rows[0] && toPublication(rows[0])
}

/** As `findPublication`, and holds it: what is decided about it stays true until the commit. */
export async function lockPublication(
  tx: Queryable,
  publicationId: string,
): Promise<Publication | undefined> {
  const { rows } = await tx.query<PublicationRow>({
    name: 'lock_publication',
    text: `SELECT ${columns} FROM publications WHERE publication_id = $1 FOR UPDATE`,
    values: [publicationId],
  })
  return rows[0] && toPublication(rows[0])
}

/** Forward only, as every change of state here. Answers undefined if it was not pending any more. */
export async function capturePublication(
  tx: Queryable,
  publicationId: string,
  paymentId: string,
): Promise<Publication | undefined> {
  const { rows } = await tx.query<PublicationRow>({
    name: 'capture_publication',
    text: `UPDATE publications
           SET status = 'captured', payment_id = $2, card_token = NULL, next_check_at = NULL,
               updated_at = now()
           WHERE publication_id = $1 AND status = 'pending' RETURNING ${columns}`,
    values: [publicationId, paymentId],
  })
  return rows[0] && toPublication(rows[0])
}

export async function declinePublication(
  tx: Queryable,
  publicationId: string,
): Promise<Publication | undefined> {
  const { rows } = await tx.query<PublicationRow>({
    name: 'decline_publication',
    text: `UPDATE publications
           SET status = 'declined', card_token = NULL, next_check_at = NULL, updated_at = now()
           WHERE publication_id = $1 AND status = 'pending' RETURNING ${columns}`,
    values: [publicationId],
  })
  return rows[0] && toPublication(rows[0])
}

/** From pending too: the event of a payment may come before the answer to the request for it. */
export async function markPublished(
  tx: Queryable,
  publicationId: string,
  paymentId: string,
): Promise<Publication | undefined> {
  const { rows } = await tx.query<PublicationRow>({
    name: 'mark_published',
    text: `UPDATE publications
           SET status = 'published', payment_id = $2, card_token = NULL, next_check_at = NULL,
               updated_at = now()
           WHERE publication_id = $1
             AND (status = 'pending' OR (status = 'captured' AND payment_id = $2))
           RETURNING ${columns}`,
    values: [publicationId, paymentId],
  })
  return rows[0] && toPublication(rows[0])
}

/** The wait doubles with each check and is capped, and half of it is random: see jitter.ts. */
export async function postponeCheck(
  db: Queryable,
  publicationId: string,
  baseMs: number,
  capMs: number,
): Promise<void> {
  await db.query({
    name: 'postpone_check',
    text: `UPDATE publications
           SET checks = checks + 1,
               next_check_at = now() + (0.5 + random() / 2) * interval '1 millisecond'
                 * least($3::float8, $2::float8 * 2 ^ least(checks, 20))
           WHERE publication_id = $1 AND status = 'pending'`,
    values: [publicationId, baseMs, capMs],
  })
}

/** How many pending publications their requests have left open, counting no further than `max`. */
export async function countLeftOpen(db: Queryable, max: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    name: 'count_left_open',
    text: `SELECT count(*)::integer AS count FROM (
             SELECT FROM publications WHERE status = 'pending' AND checks > 0 LIMIT $1) AS left_open`,
    values: [max],
  })
  return rows[0]?.count ?? 0
}

export type DuePublication = { publication: Publication; traceparent: string | null }

/**
 * Takes publications that are due for a check, and puts their next check a lease away: two instances
 * don't take the same one, and one that dies gives its share back by doing nothing.
 */
export async function takeDuePublications(
  db: Queryable,
  batchMax: number,
  leaseMs: number,
): Promise<DuePublication[]> {
  const { rows } = await db.query<PublicationRow & { traceparent: string | null }>({
    name: 'take_due_publications',
    text: `UPDATE publications SET next_check_at = now() + $2 * interval '1 millisecond'
           WHERE publication_id IN (
             SELECT publication_id FROM publications
             WHERE status = 'pending' AND next_check_at <= now()
             ORDER BY next_check_at LIMIT $1 FOR UPDATE SKIP LOCKED)
           RETURNING ${columns}, traceparent`,
    values: [batchMax, leaseMs],
  })
  return rows.map(row => ({ publication: toPublication(row), traceparent: row.traceparent }))
}

function toPublication(row: PublicationRow): Publication {
  return {
    publicationId: row.publication_id,
    listingId: row.listing_id,
    tenantId: row.tenant_id,
    plan: row.plan,
    amountCents: row.amount_cents,
    currency: row.currency,
    status: row.status,
    paymentId: row.payment_id,
    cardToken: row.card_token,
  }
}
