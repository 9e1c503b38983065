import type { Plan } from '@nightshift/contracts/listings-http'
import type { Outcome } from '@nightshift/runtime/process/outcome'

/** One attempt to pay for a listing and put it live. */
export type Publication = {
  publicationId: string
  listingId: string
  tenantId: string
  plan: Plan
  amountCents: number
  currency: 'EUR'
  status: 'pending' | 'captured' | 'declined' | 'published'
  paymentId: string | null
  /** Known until the outcome is. */
  cardToken: string | null
  /** Raised by each takeover: an owner with an older number has been overtaken. */
  attempt: number
}

/** What a plan costs. The price is fixed in the publication when it begins. */
export const priceCents: Readonly<Record<Plan, number>> = { basic: 9_900, featured: 24_900 }

export type PayOutcome = Outcome<{ paymentId: string; status: 'captured' | 'pending' }, 'declined'>

export type Verdict =
  | { kind: 'captured'; paymentId: string }
  | { kind: 'declined' }
  | { kind: 'ask_again' }

/**
 * What a publication makes of an answer of the payments service. Only captured and declined are
 * final; a payment that is pending, or of which nobody knows, leaves the publication pending too.
 */
export function decide(outcome: PayOutcome): Verdict {
  switch (outcome.kind) {
    case 'ok':
      return outcome.value.status === 'captured'
        ? { kind: 'captured', paymentId: outcome.value.paymentId }
        : { kind: 'ask_again' }
    case 'rejected':
      return { kind: 'declined' }
    case 'unknown': // it may have happened
    case 'not-sent': // it did not, and will be sent again
    case 'shed': // not now
    case 'bug': // a person has to look, and until then nothing is concluded
      return { kind: 'ask_again' }
  }
}

/** What a payment event says of the publication that it names, or why it can't be true. */
export function checkPayment(
  publication: Publication | undefined,
  event: { tenantId: string; data: { listingId: string; amountCents: number; currency: string } },
): { kind: 'matches'; publication: Publication } | { kind: 'refused'; reason: string } {
  const refused = (reason: string) => ({ kind: 'refused', reason }) as const
  if (!publication) return refused('it pays for a publication that is not there')
  if (publication.tenantId !== event.tenantId) return refused('it is of another tenant')
  if (publication.listingId !== event.data.listingId) return refused('it is of another listing')
  if (publication.amountCents !== event.data.amountCents) return refused('the amount is another')
  if (publication.currency !== event.data.currency) return refused('the currency is another')
  return { kind: 'matches', publication }
}
