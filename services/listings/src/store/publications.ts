import type { Plan } from '@nightshift/contracts/listings-http'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
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
  attempt: number
}

const columns = `publication_id, listing_id, tenant_id, plan, amount_cents, currency, status,
  payment_id, card_token, attempt`

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

/** Raises the attempt number for the owner that takes over. Undefined if it is not pending any more. */
export async function takeOverPublication(
  tx: Queryable,
  publicationId: string,
): Promise<Publication | undefined> {
  const { rows } = await tx.query<PublicationRow>({
    name: 'take_over_publication',
    text: `UPDATE publications SET attempt = attempt + 1
           WHERE publication_id = $1 AND status = 'pending' RETURNING ${columns}`,
    values: [publicationId],
  })
  return rows[0] && toPublication(rows[0])
}

/**
 * The wait doubles with each check up to a cap, and half of it is random, so that publications which
 * failed together are not checked together.
 * @param retryAfterMs the payments service asked not to be asked sooner
 * @returns false, with nothing changed, if another owner has taken over: it is at work
 */
export async function postponeCheck(
  db: Queryable,
  { publicationId, attempt }: Pick<Publication, 'publicationId' | 'attempt'>,
  { baseMs, capMs, retryAfterMs }: { baseMs: number; capMs: number; retryAfterMs: number },
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'postpone_check',
    text: `UPDATE publications
           SET checks = checks + 1,
               next_check_at = now() + interval '1 millisecond' * greatest(
                 $5::float8 * (1 + random() / 4),
                 (0.5 + random() / 2) * least($4::float8, $3::float8 * 2 ^ least(checks, 20)))
           WHERE publication_id = $1 AND attempt = $2 AND status = 'pending'`,
    values: [publicationId, attempt, baseMs, capMs, retryAfterMs],
  })
  return rowCount === 1
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
 * Takes the publication that has been due for a check for longest, and puts its next check a lease
 * away: two workers don't take the same one, and one that dies gives it back by doing nothing. The
 * previous owner is fenced off by the higher attempt number.
 */
export async function takeDuePublication(
  db: Queryable,
  leaseMs: number,
): Promise<DuePublication | undefined> {
  const { rows } = await db.query<PublicationRow & { traceparent: string | null }>({
    name: 'take_due_publication',
    text: `UPDATE publications
           SET next_check_at = now() + $1 * interval '1 millisecond', attempt = attempt + 1
           WHERE publication_id = (
             SELECT publication_id FROM publications
             WHERE status = 'pending' AND next_check_at <= now()
             ORDER BY next_check_at LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING ${columns}, traceparent`,
    values: [leaseMs],
  })
  return rows[0] && { publication: toPublication(rows[0]), traceparent: rows[0].traceparent }
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
    attempt: row.attempt,
  }
}
