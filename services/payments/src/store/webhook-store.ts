import { recordWebhookOnce } from '@nightshift/patterns/webhook-hint/webhook-hint'
import type { Pool } from 'pg'
import type { Payment } from '../domain/payment.ts'
import type { ProviderWebhook } from '../domain/provider-webhook.ts'
import { type PaymentRow, paymentColumns, paymentsTable, toPayment } from './payment-row.ts'

export type WebhookStore = ReturnType<typeof webhookStore>

/** The database side of webhooks. The provider has no tenant, so all payments are visible. */
export function webhookStore(pool: Pool) {
  return {
    /** Finds a payment of any tenant. The caller must compare its tenant with the webhook. */
    async findPayment(paymentId: string): Promise<Payment | undefined> {
      const { rows } = await pool.query<PaymentRow>({
        name: 'find_any_payment',
        text: `SELECT ${paymentColumns('p')} FROM payments p WHERE p.payment_id = $1`,
        values: [paymentId],
      })
      return rows[0] && toPayment(rows[0])
    },

    /** Records the event and makes its payment due. False if the event was recorded before. */
    recordOnce: ({ eventId, type, paymentId }: ProviderWebhook): Promise<boolean> =>
      recordWebhookOnce(pool, { eventId, type, subjectId: paymentId }, paymentsTable),
  }
}
