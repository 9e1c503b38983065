import type { Expand } from './expand.ts'
import { expandBelow, expandNothing } from './expand.ts'
import { feeOf } from './fee.ts'
import type { PaymentIntent } from './payment-intent.ts'
import type { DeclineCode } from './truth-entry.ts'

const declineMessages = {
  generic_decline: 'Your card was declined.',
  insufficient_funds: 'Your card has insufficient funds.',
} as const

/** What may be expanded in an intent. */
export const intentPaths = ['latest_charge', 'latest_charge.balance_transaction'] as const

/** The intent as the API shows it. */
export function showIntent(intent: PaymentIntent, expand: Expand = expandNothing) {
  const charge = expand.has('latest_charge')
    ? showCharge(intent, expandBelow(expand, 'latest_charge'))
    : chargeIdOf(intent.intentId)
  return {
    id: intent.intentId,
    object: 'payment_intent',
    amount: intent.amount,
    amount_capturable: intent.amountCapturable,
    amount_received: intent.amountReceived,
    canceled_at: intent.canceledAt === null ? null : unixSeconds(intent.canceledAt),
    cancellation_reason: intent.cancellationReason,
    capture_method: intent.captureMethod,
    created: unixSeconds(intent.createdAt),
    currency: intent.currency,
    last_payment_error: intent.declineCode === null ? null : showDecline(intent.declineCode),
    latest_charge: intent.chargedAt === null ? null : charge,
    livemode: false,
    metadata: intent.metadata,
    payment_method: intent.paymentMethod === null ? null : `pm_${intent.paymentMethod}`,
    payment_method_types: ['card'],
    status: intent.status,
  }
}

export function showDecline(declineCode: DeclineCode) {
  return {
    type: 'card_error',
    code: 'card_declined',
    decline_code: declineCode,
    message: declineMessages[declineCode],
  } as const
}

/** The charge of an intent whose card was charged. There is one, however often it is confirmed. */
export function showCharge(intent: PaymentIntent, expand: Expand = expandNothing) {
  const { intentId, amountReceived, amountRefunded, declineCode } = intent
  const transaction = expand.has('balance_transaction')
    ? showChargeTransaction(intent)
    : transactionIdOf(chargeIdOf(intentId))
  return {
    id: chargeIdOf(intentId),
    object: 'charge',
    amount: intent.amount,
    amount_captured: amountReceived,
    amount_refunded: amountRefunded,
    balance_transaction: intent.capturedAt === null ? null : transaction,
    captured: intent.capturedAt !== null,
    created: unixSeconds(intent.chargedAt ?? intent.createdAt),
    currency: intent.currency,
    failure_code: declineCode === null ? null : 'card_declined',
    livemode: false,
    metadata: intent.metadata,
    paid: declineCode === null,
    payment_intent: intentId,
    refunded: amountRefunded > 0 && amountRefunded === amountReceived,
    status: declineCode === null ? 'succeeded' : 'failed',
  }
}

function showChargeTransaction({ intentId, amountReceived, currency, capturedAt }: PaymentIntent) {
  return showTransaction({
    ...{ source: chargeIdOf(intentId), type: 'charge', currency, at: capturedAt ?? '' },
    ...{ amount: amountReceived, fee: feeOf(amountReceived) },
  })
}

/** A movement on the account of whoever is paid: what came in or went out, and what it cost. */
export function showTransaction(moved: {
  source: string
  type: 'charge' | 'refund'
  amount: number
  fee: number
  currency: string
  at: string
}) {
  const { source, type, amount, fee, currency, at } = moved
  return {
    id: transactionIdOf(source),
    object: 'balance_transaction',
    ...{ amount, fee, net: amount - fee, currency, created: unixSeconds(at) },
    ...{ source, status: 'available', type },
  }
}

export function chargeIdOf(intentId: string): string {
  return intentId.replace(/^pi_/, 'ch_')
}

export function transactionIdOf(source: string): string {
  return source.replace(/^[a-z]+_/, 'txn_')
}

export function unixSeconds(at: string): number {
  return Math.floor(Date.parse(at) / 1_000)
}
