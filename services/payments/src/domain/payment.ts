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

/** An outcome after somebody decided what may be concluded from it (the pattern unknown-outcome). */
export type ChargeConclusion =
  | { kind: 'happened'; value: { providerPaymentId: string } }
  | { kind: 'refused'; reason: DeclineReason }
  | { kind: 'open' }

/** What is to be done with a payment after the provider was asked. */
export type Verdict =
  | { kind: 'captured'; providerPaymentId: string }
  | { kind: 'declined'; reason: DeclineReason }
  | { kind: 'ask_again' }

/** A payment becomes final by what happened or was refused, and stays pending as long as that is open. */
export function decide(conclusion: ChargeConclusion): Verdict {
  switch (conclusion.kind) {
    case 'happened':
      return { kind: 'captured', providerPaymentId: conclusion.value.providerPaymentId }
    case 'refused':
      return { kind: 'declined', reason: conclusion.reason }
    case 'open':
      return { kind: 'ask_again' }
  }
}
