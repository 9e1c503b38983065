import type { Payment } from './payment.ts'

/** What the provider called about, in its own words and unproven until it is asked itself. */
export type ProviderCallback = {
  eventId: string
  type: string
  intentId: string
  amountCents: number
  currency: string
  /** From the metadata that we sent along with the charge. */
  paymentId: string | undefined
  tenantId: string | undefined
}

export type CallbackVerdict =
  /** A hint: something has happened to this payment, so ask. */
  | { kind: 'look'; payment: Payment }
  /** Of a payment that we don't know, or don't know yet. Kept, and a person is told. */
  | { kind: 'park' }
  | { kind: 'refuse'; reason: 'another_tenant' | 'another_amount' | 'another_intent' }

/** A signature says who sends; what is sent must fit what we know all the same. */
export function judgeCallback(
  callback: ProviderCallback,
  payment: Payment | undefined,
): CallbackVerdict {
  if (payment === undefined) return { kind: 'park' }
  if (payment.tenantId !== callback.tenantId) return { kind: 'refuse', reason: 'another_tenant' }
  const sameAmount =
    payment.amountCents === callback.amountCents &&
    payment.currency.toLowerCase() === callback.currency.toLowerCase()
  if (!sameAmount) return { kind: 'refuse', reason: 'another_amount' }
  const { providerPaymentId } = payment
  if (providerPaymentId !== null && providerPaymentId !== callback.intentId) {
    return { kind: 'refuse', reason: 'another_intent' }
  }
  return { kind: 'look', payment }
}
