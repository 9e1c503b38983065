import type { PaymentEvent } from '@nightshift/contracts/events'
import type { Payment } from './payment.ts'

/** The event for other services. Only captures and declines are published. */
export function paymentEvent(
  payment: Payment,
  eventId: string,
  occurredAt: string,
): PaymentEvent | undefined {
  if (payment.status !== 'captured' && payment.status !== 'declined') return undefined
  const { paymentId, listingId, publicationId, amountCents, currency } = payment
  const envelope = {
    eventId,
    version: 1 as const,
    occurredAt,
    tenantId: payment.tenantId,
    aggregateId: paymentId,
    aggregateVersion: payment.version,
  }
  const data = { paymentId, listingId, publicationId, amountCents, currency }
  return payment.declineReason === null
    ? { ...envelope, type: 'payment.captured', data }
    : { ...envelope, type: 'payment.declined', data: { ...data, reason: payment.declineReason } }
}
