import { randomUUID } from 'node:crypto'

/** A payment that passes; what differs is the matter of the test. */
export function paymentOf(changes: object = {}) {
  return {
    listingId: randomUUID(),
    publicationId: randomUUID(),
    amountCents: 9_900,
    currency: 'EUR',
    cardToken: 'pm_card_visa',
    ...changes,
  }
}

/** The same as text, which can be spoilt. */
export const validBody = () => JSON.stringify(paymentOf())

export const newKey = () => `test-${randomUUID()}`
