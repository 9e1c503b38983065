import { randomUUID } from 'node:crypto'

export const newKey = () => `test-${randomUUID()}`

/** A payment that would be taken; what differs is the matter of the test. */
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
