import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Payment } from '../domain/payment.ts'
import type { ProviderWebhook } from '../domain/provider-webhook.ts'
import { type PaymentRow, paymentColumns, toPayment } from './payment-row.ts'

/** Whose it is must be compared afterwards: the caller is the provider, and has no tenant. */
export async function findAnyPayment(
  db: Queryable,
  paymentId: string,
): Promise<Payment | undefined> {
  const { rows } = await db.query<PaymentRow>({
    name: 'find_any_payment',
    text: `SELECT ${paymentColumns('p')} FROM payments p WHERE p.payment_id = $1`,
    values: [paymentId],
  })
  return rows[0] && toPayment(rows[0])
}

/**
 * Remembers a webhook and has the reconciler look at its payment soon, in one statement. False if it
 * was there already.
 *
 * Only at what a request has left open: while one is at work, it will hear the answer itself, and a
 * reconciler that took over would only take the payment out of its hands. Of a payment that is not
 * there yet it is kept which one it names, for people. Nothing has to be done when it comes: its
 * request asks the provider, and after that the reconciler, with a hint or without.
 */
export async function lookOnce(
  db: Queryable,
  { eventId, type, paymentId }: ProviderWebhook,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'look_once',
    text: `WITH remembered AS (
             INSERT INTO provider_webhooks (event_id, type, payment_id) VALUES ($1, $2, $3)
             ON CONFLICT (event_id) DO NOTHING RETURNING payment_id
           ), hinted AS (
             UPDATE payments p SET next_check_at = least(p.next_check_at, now())
             FROM remembered r
             WHERE p.payment_id = r.payment_id AND p.next_check_at IS NOT NULL AND p.checks > 0
           )
           SELECT FROM remembered`,
    values: [eventId, type, paymentId ?? null],
  })
  return rowCount === 1
}
