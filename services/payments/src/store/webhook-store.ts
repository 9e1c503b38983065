import { recordWebhookOnce } from '@nightshift/patterns/webhook-hint/webhook-hint'
import type { Pool } from 'pg'
import type { Payment } from '../domain/payment.ts'
import type { ProviderWebhook } from '../domain/provider-webhook.ts'
import { type PaymentRow, paymentColumns, paymentsTable, toPayment } from './payment-row.ts'

export type WebhookStore = ReturnType<typeof webhookStore>

/** What the database does for a webhook of the provider, which has no tenant. */
export function webhookStore(pool: Pool) {
  return {
    /** The payment of any tenant: the caller compares the tenant with the webhook. */
    async findPayment(paymentId: string): Promise<Payment | undefined> {
      const { rows } = await pool.query<PaymentRow>({
        name: 'find_any_payment',
        text: `SELECT ${paymentColumns('p')} FROM payments p WHERE p.payment_id = $1`,
        values: [paymentId],
      })
      return rows[0] && toPayment(rows[0])
    },

    /** Records the event and has its payment checked soon. False if it was recorded before. */
    recordOnce: ({ eventId, type, paymentId }: ProviderWebhook): Promise<boolean> =>
      recordWebhookOnce(pool, { eventId, type, subjectId: paymentId }, paymentsTable),
  }
}
