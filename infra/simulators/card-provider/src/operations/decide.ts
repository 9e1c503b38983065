import type { ApiError } from '../answers/api-error.ts'
import { apiError, invalidParam } from '../answers/api-error.ts'
import { showIntent } from '../answers/show-intent.ts'
import type { DeclineCode, Effect } from '../log/provider-log-entry.ts'
import { notFound } from '../requests/read-operation.ts'
import type { Action, CaptureMethod, IntentOperation, Operation } from './operation.ts'
import type { PaymentIntent } from './payment-intent.ts'
import { allowedFrom } from './payment-intent.ts'

export type Decision =
  | Readonly<{ kind: 'effect'; effect: Effect }>
  /** The intent does not allow the operation, so nothing changes. */
  | Readonly<{ kind: 'refused'; error: ApiError }>

/**
 * Decides what an operation changes, given the intent as it is now. A charged card is declined with
 * `declineCode`, or good if that is null. A refund gets the id `refundId`.
 */
export function decide(
  operation: Operation,
  intent: PaymentIntent | undefined,
  declineCode: DeclineCode | null,
  refundId: string,
): Decision {
  if (operation.action !== undefined) {
    const { intentId } = operation
    // It was found when the request came in, and has left the memory since.
    if (intent === undefined)
      return { kind: 'refused', error: notFound('payment_intent', intentId) }
    return decideOnIntent(intent, operation, declineCode, refundId)
  }
  const { amount, captureMethod = 'automatic' } = operation
  if (operation.confirm === false) return effect({ type: 'intent.created', amount })
  return effect(charge(amount, captureMethod, declineCode))
}

function decideOnIntent(
  intent: PaymentIntent,
  operation: IntentOperation,
  declineCode: DeclineCode | null,
  refundId: string,
): Decision {
  const { action } = operation
  if (!allowedFrom[action].includes(intent.status)) return unexpectedState(action, intent)
  switch (operation.action) {
    case 'confirm':
      if (operation.paymentMethod === null) return unexpectedState('confirm', intent)
      return effect(charge(intent.amount, intent.captureMethod, declineCode))
    case 'capture': {
      const amount = operation.rest ? intent.amountCapturable : operation.amount
      if (amount <= intent.amountCapturable) return effect({ type: 'intent.captured', amount })
      return tooLarge('amount_to_capture', 'capture', intent.amountCapturable)
    }
    case 'cancel': {
      const { reason } = operation
      return effect({ type: 'intent.canceled', amount: intent.amount, reason })
    }
    case 'refund': {
      const left = intent.amountReceived - intent.amountRefunded
      if (left === 0) return alreadyRefunded(intent)
      const amount = operation.rest ? left : operation.amount
      if (amount > left) return tooLarge('amount', 'refund', left)
      const { reason, refundMetadata } = operation
      return effect({ type: 'refund.succeeded', amount, refundId, reason, refundMetadata })
    }
  }
}

function charge(
  amount: number,
  captureMethod: CaptureMethod,
  declineCode: DeclineCode | null,
): Effect {
  if (declineCode !== null) return { type: 'intent.declined', amount, declineCode }
  const type = captureMethod === 'manual' ? 'intent.authorized' : 'intent.succeeded'
  return { type, amount }
}

function unexpectedState(action: Action, intent: PaymentIntent): Decision {
  const { status } = intent
  const allowed = allowedFrom[action].join(', ')
  const why =
    action === 'confirm' && status === 'requires_payment_method'
      ? 'it is missing a payment method. Send a payment_method'
      : `it has a status of ${status}. Only one of these is possible: ${allowed}`
  const message = `You cannot ${action} this PaymentIntent because ${why}.`
  const more = { code: 'payment_intent_unexpected_state', payment_intent: showIntent(intent) }
  return refused(apiError(400, 'invalid_request_error', message, more))
}

function alreadyRefunded({ intentId }: PaymentIntent): Decision {
  const message = `The charge of ${intentId} has already been refunded.`
  return refused(
    apiError(400, 'invalid_request_error', message, { code: 'charge_already_refunded' }),
  )
}

function tooLarge(param: string, action: Action, left: number): Decision {
  return refused(invalidParam(param, 'amount_too_large', `At most ${left} are left to ${action}.`))
}

function effect(effect: Effect): Decision {
  return { kind: 'effect', effect }
}

function refused(error: ApiError): Decision {
  return { kind: 'refused', error }
}
