import type { Queryable } from '@nightshift/runtime/postgres'
import type { ProviderCallback } from '../domain/callback.ts'
import type { Payment } from '../domain/payment.ts'
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

/** False if it is there already. */
export async function rememberCallback(
  db: Queryable,
  { eventId, type, paymentId }: ProviderCallback,
  isOurs: boolean,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'remember_callback',
    text: `INSERT INTO provider_callbacks (event_id, type, payment_id) VALUES ($1, $2, $3)
           ON CONFLICT (event_id) DO NOTHING`,
    values: [eventId, type, isOurs ? paymentId : null],
  })
  return rowCount === 1
}

/**
 * Only what a request has left open: while one is at work, it will hear the answer itself, and a
 * reconciler that took over would only take the payment out of its hands.
 */
export async function lookSoon(db: Queryable, paymentId: string): Promise<void> {
  await db.query({
    name: 'look_soon',
    text: `UPDATE payments SET next_check_at = least(next_check_at, now())
           WHERE payment_id = $1 AND next_check_at IS NOT NULL AND checks > 0`,
    values: [paymentId],
  })
}
