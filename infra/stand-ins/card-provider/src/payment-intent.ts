import type { Line } from '../../append-log.ts'
import type { ApiError } from './api-error.ts'
import { apiError } from './api-error.ts'
import type { IntentDeclined, IntentSucceeded } from './truth-entry.ts'

/** A decided charge is the line of the truth log that decided it; there is no second record. */
export type PaymentIntent = Line<IntentSucceeded | IntentDeclined>

const declineMessages = {
  generic_decline: 'Your card was declined.',
  insufficient_funds: 'Your card has insufficient funds.',
} as const

/** The intent as the API shows it. The same line always gives the same bytes, so it can replay. */
export function showIntent(intent: PaymentIntent) {
  const succeeded = intent.type === 'intent.succeeded'
  return {
    id: intent.intentId,
    object: 'payment_intent',
    amount: intent.amount,
    amount_received: succeeded ? intent.amount : 0,
    capture_method: 'automatic',
    created: Math.floor(Date.parse(intent.at) / 1000),
    currency: intent.currency,
    last_payment_error: succeeded ? null : declineOf(intent),
    latest_charge: intent.intentId.replace(/^pi_/, 'ch_'),
    livemode: false,
    metadata: intent.metadata,
    payment_method_types: ['card'],
    status: succeeded ? 'succeeded' : 'requires_payment_method',
  }
}

/** The 402 a declined card is answered with. */
export function declinedError(intent: Line<IntentDeclined>): ApiError {
  const { type, message, ...codes } = declineOf(intent)
  return apiError(402, type, message, { ...codes, payment_intent: showIntent(intent) })
}

function declineOf(intent: Line<IntentDeclined>) {
  return {
    type: 'card_error',
    code: 'card_declined',
    decline_code: intent.declineCode,
    message: declineMessages[intent.declineCode],
  } as const
}
