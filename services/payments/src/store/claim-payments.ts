import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Payment } from '../domain/payment.ts'
import { type PaymentRow, paymentColumns, toPayment } from './payment-row.ts'

/** A payment that somebody wants, as the database takes it in. */
export type NewPayment = {
  /** If nobody was there before with the same key. */
  paymentId: string
  tenantId: string
  key: string
  keyHash: Buffer
  /** Of the validated body: the same key with another body is a mistake of the client. */
  fingerprint: Buffer
  listingId: string
  publicationId: string
  amountCents: number
  taxCents: number
  currency: string
  captureMethod: string
  cardToken: string
  traceparent: string | undefined
}

export type ClaimSettings = {
  route: string
  /** Names this process. */
  owner: string
  /** How long the owner of a key may be silent before another takes over. */
  leaseMs: number
  /** When the reconciler looks at a payment whose request has gone quiet. */
  firstCheckMs: number
}

/**
 * The first phase for any number of requests, in one statement and so in one commit: the keys, and
 * the payments that they stand for. `INSERT ... ON CONFLICT` arbitrates: two attempts at the same
 * moment can't both see "not there". A key whose owner has been silent for a whole lease is taken
 * over, with its payment and a higher number of attempt: the one before writes nothing any more.
 *
 * Where there is a payment already, nothing but such a takeover is left to claim. That goes for a key
 * that was forgotten, too: nobody would ever give its new row an answer.
 *
 * Keys are taken in one order, or two batches with the same keys would wait for each other. Payments
 * are not waited for at all: whoever has the row is not silent, and may be waiting for its key.
 */
export const claimSql = `
  WITH wanted AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[], $5::bytea[], $6::uuid[],
        $7::uuid[], $8::integer[], $9::integer[], $10::text[], $11::text[], $12::text[], $13::text[])
      AS w (payment_id, tenant_id, key, key_hash, fingerprint, listing_id, publication_id,
        amount_cents, tax_cents, currency, capture_method, card_token, traceparent)
  ), claimed AS (
    INSERT INTO idempotency_keys AS k
      (tenant_id, route, key, fingerprint, subject_id, owner, leased_until)
    SELECT w.tenant_id, $14, w.key, w.fingerprint, w.payment_id, $15,
      now() + $16 * interval '1 millisecond'
    FROM wanted w
    LEFT JOIN payments p ON p.tenant_id = w.tenant_id AND p.key_hash = w.key_hash
    LEFT JOIN idempotency_keys f
      ON f.tenant_id = w.tenant_id AND f.route = $14 AND f.key = w.key
    WHERE p.payment_id IS NULL OR (f.response_status IS NULL AND f.leased_until < now())
    ORDER BY w.tenant_id, w.key
    ON CONFLICT (tenant_id, route, key) DO UPDATE
      SET leased_until = excluded.leased_until, owner = excluded.owner
      WHERE k.response_status IS NULL AND k.leased_until < now()
        AND k.fingerprint = excluded.fingerprint
    RETURNING subject_id, tenant_id, key
  ), made AS (
    INSERT INTO payments AS p (payment_id, tenant_id, key_hash, fingerprint, listing_id,
      publication_id, amount_cents, tax_cents, currency, capture_method, card_token, traceparent,
      next_check_at)
    SELECT w.payment_id, w.tenant_id, w.key_hash, w.fingerprint, w.listing_id, w.publication_id,
      w.amount_cents, w.tax_cents, w.currency, w.capture_method, w.card_token, w.traceparent,
      now() + $17 * interval '1 millisecond'
    FROM wanted w JOIN claimed c ON c.subject_id = w.payment_id
    ON CONFLICT (tenant_id, key_hash) DO NOTHING
    RETURNING ${paymentColumns('p')}
  ), abandoned AS (
    SELECT p.payment_id, p.status FROM claimed c JOIN payments p ON p.payment_id = c.subject_id
    FOR NO KEY UPDATE OF p SKIP LOCKED
  ), resumed AS (
    UPDATE payments p SET attempt = p.attempt + 1
    FROM abandoned a
    WHERE p.payment_id = a.payment_id AND a.status = 'pending'
    RETURNING ${paymentColumns('p')}
  )
  SELECT c.key AS claimed_key, m.* FROM (SELECT * FROM made UNION ALL SELECT * FROM resumed) AS m
  JOIN claimed c ON c.subject_id = m.payment_id`

/** `lost`: the key could not be claimed. Why, is looked up afterwards, for each by itself. */
export type ClaimAttempt = { kind: 'claimed'; payment: Payment } | { kind: 'lost' }

/**
 * Claims as many as are asked for, and answers in their order. It looks nothing up for those that
 * lost: a look-up that fails must not take the commit of the others from them.
 */
export async function claimPayments(
  db: Queryable,
  wanted: readonly NewPayment[],
  settings: ClaimSettings,
): Promise<ClaimAttempt[]> {
  const { rows } = await db.query<PaymentRow & { claimed_key: string }>({
    name: 'claim_payments',
    text: claimSql,
    values: [
      wanted.map(one => one.paymentId),
      wanted.map(one => one.tenantId),
      wanted.map(one => one.key),
      wanted.map(one => one.keyHash),
      wanted.map(one => one.fingerprint),
      wanted.map(one => one.listingId),
      wanted.map(one => one.publicationId),
      wanted.map(one => one.amountCents),
      wanted.map(one => one.taxCents),
      wanted.map(one => one.currency),
      wanted.map(one => one.captureMethod),
      wanted.map(one => one.cardToken),
      wanted.map(one => one.traceparent ?? null),
      settings.route,
      settings.owner,
      settings.leaseMs,
      settings.firstCheckMs,
    ],
  })
  const won = new Map(rows.map(row => [`${row.tenant_id} ${row.claimed_key}`, row]))
  return wanted.map(one => {
    const row = won.get(`${one.tenantId} ${one.key}`)
    return row ? { kind: 'claimed', payment: toPayment(row) } : { kind: 'lost' }
  })
}
