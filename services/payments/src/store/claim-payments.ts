import { claimKeysSql } from '@nightshift/patterns/idempotency-key/claim-keys'
import type { KeyedRequest } from '@nightshift/patterns/idempotency-key/types'
import type { LeasedWork } from '@nightshift/patterns/lease/lease'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import { rowSet } from '@nightshift/runtime/postgres/row-set'
import type { Payment } from '../domain/payment.ts'
import { type PaymentRow, paymentColumns, paymentsTable, toPayment } from './payment-row.ts'

export const takePaymentRoute = 'POST /v1/payments'

/** A requested payment, with its key. */
export type NewPayment = KeyedRequest & {
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
  /** How long the owner of a key may be silent before another attempt takes over. */
  leaseMs: number
  /** The wait until the reconciler checks a payment whose request has not finished it. */
  firstCheckMs: number
}

export const newPaymentRows = rowSet<NewPayment>({
  subject_id: ['uuid', payment => payment.proposedId],
  tenant_id: ['uuid', payment => payment.tenantId],
  key: ['text', payment => payment.key],
  key_hash: ['bytea', payment => payment.keyHash],
  fingerprint: ['bytea', payment => payment.fingerprint],
  listing_id: ['uuid', payment => payment.listingId],
  publication_id: ['uuid', payment => payment.publicationId],
  amount_cents: ['integer', payment => payment.amountCents],
  tax_cents: ['integer', payment => payment.taxCents],
  currency: ['text', payment => payment.currency],
  capture_method: ['text', payment => payment.captureMethod],
  card_token: ['text', payment => payment.cardToken],
  traceparent: ['text', payment => payment.traceparent ?? null],
})

/** The parameters of the statement that follow the arrays. */
const [route, leaseMs, firstCheckMs] = [1, 2, 3].map(
  at => `$${newPaymentRows.columns.length + at}`,
) as [string, string, string]

/**
 * The first phase for any number of requests, in one statement and so in one commit: claims the
 * keys and inserts their payments. If a key is taken over, so is its payment, which gets the number
 * of the new owner.
 */
export const claimSql = (work: LeasedWork) => `
  WITH requests AS (
    SELECT * FROM ${newPaymentRows.from('r')}
  ), ${claimKeysSql({ requests: 'requests', subjects: paymentsTable, route, leaseMs })}, made AS (
    INSERT INTO payments AS p (payment_id, tenant_id, key_hash, fingerprint, listing_id,
      publication_id, amount_cents, tax_cents, currency, capture_method, card_token, traceparent,
      next_check_at)
    SELECT r.subject_id, r.tenant_id, r.key_hash, r.fingerprint, r.listing_id, r.publication_id,
      r.amount_cents, r.tax_cents, r.currency, r.capture_method, r.card_token, r.traceparent,
      now() + ${firstCheckMs} * interval '1 millisecond'
    FROM requests r JOIN claimed c USING (subject_id)
    ON CONFLICT (tenant_id, key_hash) DO NOTHING
    RETURNING p.*
  ), ${work.takeOver('claimed')}
  SELECT c.key AS claimed_key, ${paymentColumns('p')}
  FROM (SELECT * FROM made UNION ALL SELECT * FROM resumed) AS p
  JOIN claimed c ON c.subject_id = p.payment_id`

export type ClaimAttempt = { kind: 'claimed'; payment: Payment } | { kind: 'lost' }

/**
 * Claims the keys of a batch. The result is in the order of the requests. The reason for a lost key
 * is looked up later, for each request alone: a failing look-up must not undo the claims of the
 * others.
 */
export async function claimPayments(
  db: Queryable,
  work: LeasedWork,
  requests: readonly NewPayment[],
  settings: ClaimSettings,
): Promise<ClaimAttempt[]> {
  const { rows } = await db.query<PaymentRow & { claimed_key: string }>({
    name: 'claim_payments',
    text: claimSql(work),
    values: [
      ...newPaymentRows.values(requests),
      takePaymentRoute,
      settings.leaseMs,
      settings.firstCheckMs,
    ],
  })
  const won = new Map(rows.map(row => [`${row.tenant_id} ${row.claimed_key}`, row]))
  return requests.map(({ tenantId, key }) => {
    const row = won.get(`${tenantId} ${key}`)
    return row ? { kind: 'claimed', payment: toPayment(row) } : { kind: 'lost' }
  })
}
