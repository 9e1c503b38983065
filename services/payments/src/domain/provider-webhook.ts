import type { Payment } from './payment.ts'

/** An event that the provider sent. It is not believed: the provider itself is asked. */
export type ProviderWebhook = {
  eventId: string
  type: string
  intentId: string
  amountCents: number
  currency: string
  /** From the metadata that we sent along with the charge. */
  paymentId: string | undefined
  tenantId: string | undefined
}

export type WebhookVerdict =
  /** Something has happened to this payment: have it checked. */
  | { kind: 'recheck'; payment: Payment }
  /** It names a payment that we don't know, or don't know yet. It is kept, and a person is told. */
  | { kind: 'park' }
  | { kind: 'refuse'; reason: 'another_tenant' | 'another_amount' | 'another_intent' }

/** The signature proves the sender. What the event says must also fit what we know. */
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
