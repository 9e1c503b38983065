import type { Payment } from './payment.ts'

/** What the provider called about, in its own words and unproven until it is asked itself. */
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
  /** A hint: something has happened to this payment, so ask. */
  | { kind: 'look'; payment: Payment }
  /** Of a payment that we don't know, or don't know yet. Kept, and a person is told. */
  | { kind: 'park' }
  | { kind: 'refuse'; reason: 'another_tenant' | 'another_amount' | 'another_intent' }

/** A signature says who sends; what is sent must fit what we know all the same. */
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
  return { kind: 'look', payment }
}
