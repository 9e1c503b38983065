import { randomUUID } from 'node:crypto'

/** The body of a correct payment, with the changes that a test makes. */
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

/** A correct body as text, which a test can corrupt. */
export const validBody = () => JSON.stringify(paymentOf())

export const newKey = () => `test-${randomUUID()}`
