import type { Payment } from './payment.ts'

/** An event of the provider. It changes no state: we read the state from the provider itself. */
export type ProviderWebhook = {
  eventId: string
  type: string
  intentId: string
  amountCents: number
  currency: string
  /** Both come from the metadata that we sent with the charge. */
  paymentId: string | undefined
  tenantId: string | undefined
}

export type WebhookVerdict =
  /** The payment may have changed, so it is checked soon. */
  | { kind: 'recheck'; payment: Payment }
  /** The payment does not exist, or not yet. The event is recorded, and a warning is logged. */
  | { kind: 'park' }
  | { kind: 'refuse'; reason: 'another_tenant' | 'another_amount' | 'another_intent' }

/** The signature proves who sent the event. Its content must also agree with the payment. */
export function checkWebhook(
  webhook: ProviderWebhook,
  payment: Payment | undefined,
): WebhookVerdict {
  if (payment === undefined) return { kind: 'park' }
  if (payment.tenantId !== webhook.tenantId) return { kind: 'refuse', reason: 'another_tenant' }
  const sameAmount =
    payment.amountCents === webhook.amountCents &&
    payment.currency.toLowerCase() === webhook.currency.toLowerCase()
  if (!sameAmount) return { kind: 'refuse', reason: 'another_amount' }
  const { providerPaymentId } = payment
  if (providerPaymentId !== null && providerPaymentId !== webhook.intentId) {
    return { kind: 'refuse', reason: 'another_intent' }
  }
  return { kind: 'recheck', payment }
}
