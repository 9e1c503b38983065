import type { ApiError } from '../answers/api-error.ts'
import { apiError, invalidParam } from '../answers/api-error.ts'
import { showIntent } from '../answers/show-intent.ts'
import type { DeclineCode, Verdict } from '../log/provider-log-entry.ts'
import type { Act, CaptureMethod, IntentOrder, Order } from './operation.ts'
import type { PaymentIntent } from './payment-intent.ts'
import { legalFrom } from './payment-intent.ts'

export type Decision =
  | Readonly<{ kind: 'verdict'; verdict: Verdict }>
  /** Not possible as the intent stands. Nothing happened. */
  | Readonly<{ kind: 'refused'; error: ApiError }>

/**
 * What comes of an order, as the intent stands now. `declineCode` null: the card is good, if one is
 * charged. `refundId` is the id a refund gets.
 */
export function decide(
  order: Order,
  intent: PaymentIntent | undefined,
  declineCode: DeclineCode | null,
  refundId: string,
): Decision {
  if (order.act !== undefined) {
    if (intent === undefined) throw new Error(`no intent ${order.intentId} to ${order.act}`)
    return decideOn(intent, order, declineCode, refundId)
  }
  const { amount, captureMethod = 'automatic' } = order
  if (order.confirm === false) return verdict({ type: 'intent.created', amount })
  return verdict(charge(amount, captureMethod, declineCode))
}

function decideOn(
  intent: PaymentIntent,
  order: IntentOrder,
  declineCode: DeclineCode | null,
  refundId: string,
): Decision {
  if (!legalFrom[order.act].includes(intent.status)) return unexpectedState(order.act, intent)
  switch (order.act) {
    case 'confirm':
      if (order.paymentMethod === null) return unexpectedState('confirm', intent)
      return verdict(charge(intent.amount, intent.captureMethod, declineCode))
    case 'capture': {
      const amount = order.rest ? intent.amountCapturable : order.amount
      if (amount <= intent.amountCapturable) return verdict({ type: 'intent.captured', amount })
      return tooLarge('amount_to_capture', 'capture', intent.amountCapturable)
    }
    case 'cancel':
      return verdict({ type: 'intent.canceled', amount: intent.amount, reason: order.reason })
    case 'refund': {
      const left = intent.amountReceived - intent.amountRefunded
      if (left === 0) return alreadyRefunded(intent)
      const amount = order.rest ? left : order.amount
      if (amount > left) return tooLarge('amount', 'refund', left)
      const { reason, refundMetadata } = order
      return verdict({ type: 'refund.succeeded', amount, refundId, reason, refundMetadata })
    }
  }
}

function charge(
  amount: number,
  captureMethod: CaptureMethod,
  declineCode: DeclineCode | null,
): Verdict {
  if (declineCode !== null) return { type: 'intent.declined', amount, declineCode }
  const type = captureMethod === 'manual' ? 'intent.authorized' : 'intent.succeeded'
  return { type, amount }
}

function unexpectedState(act: Act, intent: PaymentIntent): Decision {
  const { status } = intent
  const why =
    act === 'confirm' && status === 'requires_payment_method'
      ? 'it is missing a payment method. Send a payment_method'
      : `it has a status of ${status}. Only one of these is possible: ${legalFrom[act].join(', ')}`
  const message = `You cannot ${act} this PaymentIntent because ${why}.`
  const more = { code: 'payment_intent_unexpected_state', payment_intent: showIntent(intent) }
  return refused(apiError(400, 'invalid_request_error', message, more))
}

function alreadyRefunded({ intentId }: PaymentIntent): Decision {
  const message = `The charge of ${intentId} has already been refunded.`
  return refused(
    apiError(400, 'invalid_request_error', message, { code: 'charge_already_refunded' }),
  )
}

function tooLarge(param: string, act: Act, left: number): Decision {
  return refused(invalidParam(param, 'amount_too_large', `At most ${left} are left to ${act}.`))
}

function verdict(verdict: Verdict): Decision {
  return { kind: 'verdict', verdict }
}

function refused(error: ApiError): Decision {
  return { kind: 'refused', error }
}
