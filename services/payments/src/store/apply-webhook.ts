import { randomUUID } from 'node:crypto'
import type { PaymentStatus } from '@nightshift/contracts/payments-http'
import type { Outbox } from '@nightshift/patterns/outbox/types'
import { captureEntries } from '../domain/ledger.ts'
import { paymentEvent } from '../domain/payment-event.ts'
import type { ReceiveWebhookDeps } from '../flows/receive-webhook.ts'
import { type PaymentRow, paymentColumns, toPayment } from './payment-row.ts'
import { postToLedger } from './post-to-ledger.ts'

/** The state of the payment according to each type of event. */
const statusBy: Readonly<Record<string, PaymentStatus>> = {
  'payment_intent.amount_capturable_updated': 'authorized',
  'payment_intent.succeeded': 'captured',
  'payment_intent.canceled': 'voided',
  'payment_intent.payment_failed': 'declined',
}

/**
 * Only for the naive version of the pattern webhook-hint: sets the state according to the webhook,
 * from any state, and posts to the ledger under a new id each time.
 */
export function applyWebhook(outbox: Outbox): ReceiveWebhookDeps['applyDirectly'] {
  return async ({ type, intentId }, { paymentId }) => {
    const status = statusBy[type]
    if (status === undefined) return
    const isDeclined = status === 'declined'
    await outbox.transact(async (tx, announce) => {
      const { rows } = await tx.query<PaymentRow>(
        `UPDATE payments p
         SET status = $2, provider_payment_id = $3, decline_reason = $4, card_token = NULL,
           requested_action = NULL, next_check_at = NULL, version = version + 1,
           updated_at = now()
         WHERE p.payment_id = $1 RETURNING ${paymentColumns('p')}`,
        [paymentId, status, isDeclined ? null : intentId, isDeclined ? 'card_declined' : null],
      )
      if (!rows[0]) return
      const after = toPayment(rows[0])
      if (status === 'captured') {
        const posting = { ...after, source: 'capture', sourceId: randomUUID() } as const
        // The provider's fee is not in its event.
        await postToLedger(tx, posting, captureEntries(after, 0))
      }
      const event = paymentEvent(after, randomUUID(), new Date().toISOString())
      if (event) await announce(event)
    })
  }
}
