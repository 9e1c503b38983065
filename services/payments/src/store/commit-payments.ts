import type { PaymentEvent } from '@nightshift/contracts/events'
import { finishKeysSql } from '@nightshift/patterns/idempotency-key/finish-keys'
import type { StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Fence } from '@nightshift/patterns/lease/types'
import type { StagedEvent } from '@nightshift/patterns/outbox/types'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import { rowSet } from '@nightshift/runtime/postgres/row-set'
import type { Entry } from '../domain/ledger.ts'
import type { Payment } from '../domain/payment.ts'

/** A settlement of a payment, with everything that is committed together with it. */
export type PaymentChange = {
  before: Payment
  after: Payment
  /** Posted once for the payment. Empty unless the payment was captured. */
  ledger: readonly Entry[]
  event: PaymentEvent | undefined
  /** Stored under the key of the payment, unless the key has an answer. */
  answer: StoredAnswer
}

/** `staged` is the row of the outbox. The naive version of the outbox has none. */
export type StagedChange = PaymentChange & { staged: StagedEvent | undefined }

export const changeRows = rowSet<StagedChange>({
  subject_id: ['uuid', change => change.before.paymentId],
  attempt: ['integer', change => change.before.attempt],
  status: ['text', change => change.after.status],
  provider_payment_id: ['text', change => change.after.providerPaymentId],
  decline_reason: ['text', change => change.after.declineReason],
  response_status: ['integer', change => change.answer.status],
  response_headers: ['jsonb', change => JSON.stringify(change.answer.headers)],
  response_body: ['text', change => change.answer.body],
  event_id: ['uuid', change => change.staged?.eventId ?? null],
  topic: ['text', change => change.staged?.topic ?? null],
  payload: ['text', change => change.staged?.payload ?? null],
  traceparent: ['text', change => change.staged?.traceparent ?? null],
})

export const entryRows = rowSet<Entry & { paymentId: string }>({
  payment_id: ['uuid', entry => entry.paymentId],
  account: ['text', entry => entry.account],
  amount_cents: ['bigint', entry => entry.amountCents],
})

/**
 * The last phase for any number of payments, in one statement and so in one commit: the state, the
 * answer under the key, the ledger, and the event. Only the owner may write. Every change of state
 * gives the row another number, so a row with the owner's number is in the state that the owner
 * read.
 *
 * An UPDATE locks its rows in any order. So the rows are locked first, in the order of their ids:
 * two batches with the same payments wait for each other and do not deadlock.
 */
export const commitSql = (fence: Fence) => `
  WITH changes AS (
    SELECT * FROM ${changeRows.from('c')}
  ), locked AS (
    SELECT c.* FROM changes c JOIN payments p ON p.payment_id = c.subject_id
    ORDER BY p.payment_id FOR NO KEY UPDATE OF p
  ), settled AS (
    UPDATE payments p
    SET status = c.status, provider_payment_id = c.provider_payment_id,
      decline_reason = c.decline_reason, card_token = NULL, requested_action = NULL,
      next_check_at = NULL, version = p.version + 1, attempt = ${fence.next('p')},
      updated_at = now()
    FROM locked c
    WHERE p.payment_id = c.subject_id AND ${fence.holds('p', 'c')}
    RETURNING p.tenant_id, p.currency, c.*
  ), ${finishKeysSql('settled')}, posted AS (
    INSERT INTO ledger_transactions (tenant_id, source, source_id, payment_id)
    SELECT tenant_id, 'capture', subject_id, subject_id FROM settled WHERE status = 'captured'
    ON CONFLICT (source, source_id) DO NOTHING
    RETURNING transaction_id, tenant_id, payment_id
  ), entered AS (
    INSERT INTO ledger_entries (transaction_id, tenant_id, account, amount_cents, currency)
    SELECT t.transaction_id, t.tenant_id, e.account, e.amount_cents, s.currency
    FROM ${entryRows.from('e', changeRows.columns.length + 1)}
    JOIN posted t USING (payment_id) JOIN settled s ON s.subject_id = e.payment_id
  ), staged AS (
    INSERT INTO outbox (event_id, topic, aggregate_id, payload, traceparent)
    SELECT event_id, topic, subject_id, payload, traceparent FROM settled
    WHERE event_id IS NOT NULL
  )
  SELECT subject_id FROM settled`

/** @returns for each change whether it was committed; if not, another owner was first */
export async function commitPayments(
  db: Queryable,
  fence: Fence,
  changes: readonly StagedChange[],
): Promise<boolean[]> {
  const entries = changes.flatMap(({ after: { paymentId }, ledger }) =>
    ledger.map(entry => ({ ...entry, paymentId })),
  )
  const { rows } = await db.query<{ subject_id: string }>({
    name: 'commit_payments',
    text: commitSql(fence),
    values: [...changeRows.values(changes), ...entryRows.values(entries)],
  })
  const committed = new Set(rows.map(row => row.subject_id))
  return changes.map(({ before }) => committed.has(before.paymentId))
}
