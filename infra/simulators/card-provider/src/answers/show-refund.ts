import type Stripe from 'stripe'
import type { RefundLine } from '../log/provider-log-entry.ts'
import type { PaymentIntent } from '../operations/payment-intent.ts'
import type { Expand } from './expand.ts'
import { expandBelow, expandNothing } from './expand.ts'
import {
  chargeIdOf,
  showCharge,
  showIntent,
  showTransaction,
  transactionIdOf,
  unixSeconds,
} from './show-intent.ts'

/** A request may expand these paths in a refund. */
export const refundPaths = [
  'balance_transaction',
  'payment_intent',
  'payment_intent.latest_charge',
  'charge',
  'charge.balance_transaction',
] as const

/** Shows a refund as the API does. `intent` and its charge appear in it when they are expanded. */
export function showRefund(
  refund: RefundLine,
  intent: PaymentIntent,
  expand: Expand = expandNothing,
) {
  const { refundId, intentId, amount, currency, at } = refund
  return {
    id: refundId,
    object: 'refund' as const,
    amount,
    balance_transaction: expand.has('balance_transaction')
      ? showTransaction({ source: refundId, type: 'refund', amount: -amount, fee: 0, currency, at })
      : transactionIdOf(refundId),
    charge: expand.has('charge')
      ? showCharge(intent, expandBelow(expand, 'charge'))
      : chargeIdOf(intentId),
    created: unixSeconds(at),
    currency,
    customer: null,
    customer_account: null,
    metadata: { ...refund.refundMetadata },
    payment_intent: expand.has('payment_intent')
      ? showIntent(intent, expandBelow(expand, 'payment_intent'))
      : intentId,
    payment_method: null,
    reason: refund.reason as Stripe.Refund.Reason | null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: 'succeeded',
    transfer_reversal: null,
  } satisfies Stripe.Refund
}
