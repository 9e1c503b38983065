import type { DeclineReason, PaymentStatus } from '@nightshift/contracts/payments-http'
import type { Outcome } from '@nightshift/runtime/outcome'

/** What we remember about a payment. */
export type Payment = {
  paymentId: string
  tenantId: string
  listingId: string
  publicationId: string
  amountCents: number
  currency: 'EUR'
  status: PaymentStatus
  declineReason: DeclineReason | null
  /** Known until the outcome is. */
  cardToken: string | null
  version: number
  createdAt: Date
}

export type ChargeOutcome = Outcome<{ providerPaymentId: string }, DeclineReason>

/** What is to be done with a payment after the provider was asked. */
export type Verdict =
  | { kind: 'captured'; providerPaymentId: string }
  | { kind: 'declined'; reason: DeclineReason }
  | { kind: 'ask_again' }

/**
 * Only an answer of the provider makes a payment final. Everything else leaves it pending: a timeout
 * is not a failure, the money may have moved.
 */
export function decide(outcome: ChargeOutcome): Verdict {
  switch (outcome.kind) {
    case 'ok':
      return { kind: 'captured', providerPaymentId: outcome.value.providerPaymentId }
    case 'rejected':
      return { kind: 'declined', reason: outcome.reason }
    case 'unknown': // it may have happened
    case 'not-sent': // it did not, and will be sent again
    case 'shed': // not now
    case 'bug': // a person has to look, and until then nothing is concluded
      return { kind: 'ask_again' }
  }
}
