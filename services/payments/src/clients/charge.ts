import type { RetryMode } from '@nightshift/patterns/unknown-outcome/retry-mode'
import { type Deadline, withinDeadline } from '@nightshift/runtime/process/deadline'
import { crashpoint } from '../crash-points.ts'
import type { Payment } from '../domain/payment.ts'
import { limits } from '../limits.ts'
import {
  type ChargeOutcome,
  chargeOutcome,
  declineReason,
  feePath,
  withFee,
} from './intent-outcome.ts'
import { lookUpCharge } from './look-up-charge.ts'
import { type Answer, type ProviderConnection, post, unexpected, unknown } from './provider-api.ts'

const { searchMs } = limits.provider

export type Charge = (payment: Payment, deadline: Deadline) => Promise<ChargeOutcome>

/**
 * Charges a card at the provider, or authorizes it. It may be called many times for one payment:
 * - While the provider remembers the key, the same request is sent under the same key.
 * - Later the provider would charge again, so this function only searches for the charge.
 * @param retryModeOf how to ask about a payment of this age
 */
export function chargeIdempotently(
  provider: ProviderConnection,
  retryModeOf: (createdAt: Date) => RetryMode,
): Charge {
  return async (payment, deadline) => {
    const mode = retryModeOf(payment.createdAt)
    if (mode === 'same_key') return chargeUnderKey(provider, payment, deadline)
    const found = await lookUpCharge(provider, payment, deadline)
    provider.noteQuotaUnused()
    if (found.kind !== 'absent') return found
    return mode === 'look_up'
      ? unknown('the search does not find the charge yet')
      : { kind: 'rejected', reason: 'expired' }
  }
}

/**
 * From the second attempt on the charge may exist, so this function searches for it first: a search
 * uses up no quota, and finds the charge even if the provider repeats a stored 500 for this key.
 * It has a part of the time only, so that a slow provider is still asked for the charge itself.
 * Whatever else the search says, the charge is asked for again under the same key: "not found" only
 * means that it has not happened yet.
 */
async function chargeUnderKey(
  provider: ProviderConnection,
  payment: Payment,
  deadline: Deadline,
): Promise<ChargeOutcome> {
  if (payment.attempt > 1) {
    const found = await lookUpCharge(provider, payment, withinDeadline(deadline, searchMs))
    if (found.kind === 'ok' || found.kind === 'rejected') {
      provider.noteQuotaUnused()
      return found
    }
  }
  return createIntent(provider, payment, deadline)
}

/** Creates and confirms an intent in one call. Its key is derived from our payment. */
function createIntent(
  provider: ProviderConnection,
  payment: Payment,
  deadline: Deadline,
): Promise<ChargeOutcome> {
  return provider.call('card-provider charge', deadline, async (perTry): Promise<ChargeOutcome> => {
    await crashpoint('charge.begin')
    const answer = await post(provider, perTry, {
      path: '/v1/payment_intents',
      key: `payment-${payment.paymentId}`,
      form: formOf(payment),
    })
    await crashpoint('charge.answered')
    if (answer.kind !== 'answered') return answer
    if (answer.status !== 200) return refusalOf(answer)
    return chargeOutcome(await withFee(provider, answer, perTry), payment.amountCents)
  })
}

/**
 * A common reaction to a lost answer, and a wrong one: search for the charge, and call the payment
 * declined if there is none. "Not found" only means that the charge has not happened yet. No search
 * finds a request that is on its way or waits in a queue of the provider.
 */
export function chargeOrCallItDeclined(provider: ProviderConnection): Charge {
  return async (payment, deadline) => {
    const outcome = await createIntent(provider, payment, deadline)
    if (outcome.kind !== 'unknown') return outcome
    const found = await lookUpCharge(provider, payment, deadline)
    return found.kind === 'absent' ? { kind: 'rejected', reason: 'card_declined' } : found
  }
}

function formOf(payment: Payment): Record<string, string> {
  return {
    amount: String(payment.amountCents),
    currency: payment.currency.toLowerCase(),
    payment_method: payment.cardToken ?? '',
    confirm: 'true',
    ...(payment.captureMethod === 'manual' ? { capture_method: 'manual' } : {}),
    'metadata[payment_id]': payment.paymentId,
    'metadata[publication_id]': payment.publicationId,
    'metadata[tenant_id]': payment.tenantId,
    'expand[0]': feePath,
  }
}

function refusalOf(answer: Answer): ChargeOutcome {
  const { status } = answer
  const { error = {} } = answer.body
  if (status === 402 && error.type === 'card_error') {
    return { kind: 'rejected', reason: declineReason(error) }
  }
  if (status === 400 && error.code === 'resource_missing' && error.param === 'payment_method') {
    return { kind: 'rejected', reason: 'invalid_card' }
  }
  return unexpected(answer)
}
