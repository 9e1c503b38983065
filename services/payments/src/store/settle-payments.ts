import type { StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Fencing } from '@nightshift/patterns/lease/types'
import type { StagedEvent } from '@nightshift/patterns/outbox/types'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Entry } from '../domain/ledger.ts'
import type { Payment } from '../domain/payment.ts'

/** What a payment becomes, and everything that becomes true with it. */
export type PaymentChange = {
  before: Payment
  after: Payment
  /** Posted to the ledger, once for the payment; none unless it was captured. */
  entries: readonly Entry[]
  /** Stored under the key of the payment, if it has one and has no answer yet. */
  answer: StoredAnswer | undefined
  /** Goes into the outbox, unless events are told in another way. */
  event: StagedEvent | undefined
}

/**
 * The last phase for any number of payments, in one statement and so in one commit: the state, the
 * answer under the key, the ledger, and the event. Forward only, and only by the owner: a payment
 * that has left the state that it was in, or that somebody else has taken over, stays as it is.
 *
 * An UPDATE takes its rows in whatever order the planner likes. So they are locked before, payments by
 * their ids and keys as a claim takes them: batches that meet wait, and never for each other.
 */
export const settleSql = ({ isStillOurs, postedFor }: Fencing) => `
  WITH wanted AS (
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::integer[], $8::jsonb[], $9::text[], $10::uuid[], $11::text[], $12::text[], $13::text[])
      AS w (payment_id, attempt, before, status, provider_payment_id, decline_reason,
        response_status, response_headers, response_body, event_id, topic, payload, traceparent)
  ), locked AS (
    SELECT w.* FROM wanted w JOIN payments p USING (payment_id)
    ORDER BY p.payment_id FOR NO KEY UPDATE OF p
  ), settled AS (
    UPDATE payments p
    SET status = w.status, provider_payment_id = w.provider_payment_id,
      decline_reason = w.decline_reason, card_token = NULL, wanted = NULL, next_check_at = NULL,
      version = p.version + 1, updated_at = now()
    FROM locked w
    WHERE p.payment_id = w.payment_id AND ${isStillOurs('p', 'w')}
    RETURNING p.tenant_id, p.currency, w.*
  ), keyed AS (
    SELECT s.payment_id, k.response_status IS NULL AS is_unanswered
    FROM settled s JOIN idempotency_keys k ON k.subject_id = s.payment_id
    WHERE s.response_status IS NOT NULL
    ORDER BY k.tenant_id, k.key FOR NO KEY UPDATE OF k
  ), finished AS (
    UPDATE idempotency_keys k
    SET response_status = s.response_status, response_headers = s.response_headers,
      response_body = s.response_body, recovery_point = 'finished'
    FROM settled s JOIN keyed USING (payment_id)
    WHERE k.subject_id = s.payment_id AND keyed.is_unanswered
  ), posted AS (
    INSERT INTO ledger_transactions (tenant_id, source, source_id, payment_id)
    SELECT tenant_id, 'capture', ${postedFor('settled')}, payment_id
    FROM settled WHERE status = 'captured'
    ON CONFLICT (source, source_id) DO NOTHING
    RETURNING transaction_id, tenant_id, payment_id
  ), entered AS (
    INSERT INTO ledger_entries (transaction_id, tenant_id, account, amount_cents, currency)
    SELECT t.transaction_id, t.tenant_id, e.account, e.amount_cents, s.currency
    FROM unnest($14::uuid[], $15::text[], $16::bigint[]) AS e (payment_id, account, amount_cents)
    JOIN posted t USING (payment_id) JOIN settled s USING (payment_id)
  ), staged AS (
    INSERT INTO outbox (event_id, topic, aggregate_id, payload, traceparent)
    SELECT event_id, topic, payment_id, payload, traceparent FROM settled
    WHERE event_id IS NOT NULL
  )
  SELECT payment_id FROM settled`

/** Answers of each whether it was made now; if not, somebody else has decided about it. */
export async function settlePayments(
  db: Queryable,
  changes: readonly PaymentChange[],
  fencing: Fencing,
): Promise<boolean[]> {
  const entries = changes.flatMap(({ after, entries: own }) =>
    own.map(entry => ({ ...entry, paymentId: after.paymentId })),
  )
  const { rows } = await db.query<{ payment_id: string }>({
    name: 'settle_payments',
    text: settleSql(fencing),
    values: [
      changes.map(({ before }) => before.paymentId),
      changes.map(({ before }) => before.attempt),
      changes.map(({ before }) => before.status),
      changes.map(({ after }) => after.status),
      changes.map(({ after }) => after.providerPaymentId),
      changes.map(({ after }) => after.declineReason),
      changes.map(({ answer }) => answer?.status ?? null),
      changes.map(({ answer }) => (answer ? JSON.stringify(answer.headers) : null)),
      changes.map(({ answer }) => answer?.body ?? null),
      changes.map(({ event }) => event?.eventId ?? null),
      changes.map(({ event }) => event?.topic ?? null),
      changes.map(({ event }) => event?.payload ?? null),
      changes.map(({ event }) => event?.traceparent ?? null),
      entries.map(({ paymentId }) => paymentId),
      entries.map(({ account }) => account),
      entries.map(({ amountCents }) => amountCents),
    ],
  })
  const done = new Set(rows.map(row => row.payment_id))
  return changes.map(({ before }) => done.has(before.paymentId))
}
