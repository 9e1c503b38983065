import { randomUUID } from 'node:crypto'
import type { PaymentStatus } from '@nightshift/contracts/payments-http'
import type { Outbox } from '@nightshift/patterns/outbox/types'
import type { Entry } from '../../domain/ledger.ts'
import type { Payment } from '../../domain/payment.ts'
import type { ReceiveWebhookDeps } from '../../flows/receive-webhook.ts'
import type { Telling } from '../payment-phases.ts'
import { type PaymentRow, paymentColumns, toPayment } from '../payment-row.ts'
import { postToLedger } from '../post-to-ledger.ts'

/** What each of the provider's events says that a payment has become. */
const statusBy: Readonly<Record<string, PaymentStatus>> = {
  'payment_intent.amount_capturable_updated': 'authorized',
  'payment_intent.succeeded': 'captured',
  'payment_intent.canceled': 'voided',
  'payment_intent.payment_failed': 'declined',
}

export type BelieveOptions = Pick<Telling, 'eventOf'> & {
  announcements: Outbox
  entriesOf: (captured: Payment) => readonly Entry[]
}

/**
 * Makes of a payment what a webhook says that it has become, whatever it is, and posts to the ledger
 * under an id of its own. For the naive twin of webhook-hint, and for nothing else.
 */
export function believeBy({
  announcements,
  entriesOf,
  eventOf,
}: BelieveOptions): ReceiveWebhookDeps['believe'] {
  return async ({ type, intentId }, { paymentId }) => {
    const status = statusBy[type]
    if (status === undefined) return
    const isDeclined = status === 'declined'
    await announcements.transact(async (tx, announce) => {
      const { rows } = await tx.query<PaymentRow>(
        `UPDATE payments p
         SET status = $2, provider_payment_id = $3, decline_reason = $4, card_token = NULL,
           wanted = NULL, next_check_at = NULL, version = version + 1, updated_at = now()
         WHERE p.payment_id = $1 RETURNING ${paymentColumns('p')}`,
        [paymentId, status, isDeclined ? null : intentId, isDeclined ? 'card_declined' : null],
      )
      if (!rows[0]) return
      const after = toPayment(rows[0])
      if (status === 'captured') {
        const posting = { ...after, source: 'capture', sourceId: randomUUID() } as const
        await postToLedger(tx, posting, entriesOf(after))
      }
      const event = eventOf(after)
      if (event) await announce(event)
    })
  }
}
