import { createHash } from 'node:crypto'
import type Stripe from 'stripe'
import type { DeclineCode } from '../log/provider-log-entry.ts'
import type { PaymentIntent } from '../operations/payment-intent.ts'
import { feeOf } from '../store/fee.ts'
import type { Expand } from './expand.ts'
import { expandBelow, expandNothing } from './expand.ts'

const declineMessages = {
  generic_decline: 'Your card was declined.',
  insufficient_funds: 'Your card has insufficient funds.',
} as const

const clientSecretChars = 25

/** A request may expand these paths in an intent. */
export const intentPaths = ['latest_charge', 'latest_charge.balance_transaction'] as const

/** No intent has these fields here. They are null and not left out, as Stripe answers them. */
const absentInIntent = {
  allowed_payment_method_types: null,
  application: null,
  application_fee_amount: null,
  automatic_payment_methods: null,
  customer: null,
  customer_account: null,
  description: null,
  excluded_payment_method_types: null,
  managed_payments: null,
  next_action: null,
  on_behalf_of: null,
  payment_method_configuration_details: null,
  payment_method_options: null,
  payment_record: null,
  processing: null,
  receipt_email: null,
  review: null,
  setup_future_usage: null,
  shipping: null,
  source: null,
  statement_descriptor: null,
  statement_descriptor_suffix: null,
  transfer_group: null,
} as const

/** No charge has these fields here. */
const absentInCharge = {
  application: null,
  application_fee: null,
  application_fee_amount: null,
  calculated_statement_descriptor: null,
  customer: null,
  description: null,
  failure_balance_transaction: null,
  fraud_details: null,
  on_behalf_of: null,
  outcome: null,
  payment_method_details: null,
  receipt_email: null,
  receipt_number: null,
  receipt_url: null,
  review: null,
  shipping: null,
  source: null,
  source_transfer: null,
  statement_descriptor: null,
  statement_descriptor_suffix: null,
  transfer_data: null,
  transfer_group: null,
} as const

/** Shows an intent as the API does. */
export function showIntent(intent: PaymentIntent, expand: Expand = expandNothing) {
  const charge = expand.has('latest_charge')
    ? showCharge(intent, expandBelow(expand, 'latest_charge'))
    : chargeIdOf(intent.intentId)
  return {
    id: intent.intentId,
    object: 'payment_intent' as const,
    ...absentInIntent,
    amount: intent.amount,
    amount_capturable: intent.amountCapturable,
    amount_received: intent.amountReceived,
    canceled_at: intent.canceledAt === null ? null : unixSeconds(intent.canceledAt),
    cancellation_reason: intent.cancellationReason,
    capture_method: intent.captureMethod,
    client_secret: clientSecretOf(intent.intentId),
    confirmation_method: 'automatic' as const,
    created: unixSeconds(intent.createdAt),
    currency: intent.currency,
    last_payment_error: intent.declineCode === null ? null : showDecline(intent.declineCode),
    latest_charge: intent.chargedAt === null ? null : charge,
    livemode: false,
    metadata: { ...intent.metadata },
    payment_method: intent.paymentMethod === null ? null : `pm_${intent.paymentMethod}`,
    payment_method_types: ['card'],
    status: intent.status,
  } satisfies Stripe.PaymentIntent
}

/** The value has the form of a client secret and never changes. No route accepts it. */
function clientSecretOf(intentId: string): string {
  const digest = createHash('sha256').update(`client_secret of ${intentId}`).digest('hex')
  return `${intentId}_secret_${digest.slice(0, clientSecretChars)}`
}

export function showDecline(declineCode: DeclineCode) {
  return {
    type: 'card_error',
    code: 'card_declined',
    decline_code: declineCode,
    message: declineMessages[declineCode],
  } as const
}

/** Shows the charge of an intent. Confirming the intent again keeps the same charge. */
export function showCharge(intent: PaymentIntent, expand: Expand = expandNothing) {
  const { intentId, amountReceived, amountRefunded, declineCode } = intent
  const transaction = expand.has('balance_transaction')
    ? showChargeTransaction(intent)
    : transactionIdOf(chargeIdOf(intentId))
  return {
    id: chargeIdOf(intentId),
    object: 'charge' as const,
    ...absentInCharge,
    amount: intent.amount,
    amount_captured: amountReceived,
    amount_refunded: amountRefunded,
    balance_transaction: intent.capturedAt === null ? null : transaction,
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    captured: intent.capturedAt !== null,
    created: unixSeconds(intent.chargedAt ?? intent.createdAt),
    currency: intent.currency,
    disputed: false,
    failure_code: declineCode === null ? null : 'card_declined',
    failure_message: declineCode === null ? null : declineMessages[declineCode],
    livemode: false,
    metadata: { ...intent.metadata },
    paid: declineCode === null,
    payment_intent: intentId,
    payment_method: intent.paymentMethod === null ? null : `pm_${intent.paymentMethod}`,
    refunded: amountRefunded > 0 && amountRefunded === amountReceived,
    status: declineCode === null ? ('succeeded' as const) : ('failed' as const),
  } satisfies Stripe.Charge
}

function showChargeTransaction({ intentId, amountReceived, currency, capturedAt }: PaymentIntent) {
  return showTransaction({
    source: chargeIdOf(intentId),
    type: 'charge',
    amount: amountReceived,
    fee: feeOf(amountReceived),
    currency,
    at: capturedAt ?? '',
  })
}

/** Shows a movement on the balance of the merchant, with its fee. */
export function showTransaction(movement: {
  source: string
  type: 'charge' | 'refund'
  amount: number
  fee: number
  currency: string
  at: string
}) {
  const { source, type, amount, fee, currency, at } = movement
  return {
    id: transactionIdOf(source),
    object: 'balance_transaction' as const,
    amount,
    available_on: unixSeconds(at),
    balance_type: 'payments' as const,
    created: unixSeconds(at),
    currency,
    description: null,
    exchange_rate: null,
    fee,
    fee_details: fee === 0 ? [] : [feeDetail(fee, currency)],
    net: amount - fee,
    reporting_category: type,
    source,
    status: 'available',
    type,
  } satisfies Stripe.BalanceTransaction
}

function feeDetail(amount: number, currency: string) {
  const description = 'Stripe processing fees'
  return { amount, application: null, currency, description, type: 'stripe_fee' }
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
