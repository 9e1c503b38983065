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
  /** `withdrawn`: payments had no room for it, so nothing was begun. The same key may begin it anew. */
  status: 'pending' | 'withdrawn' | 'captured' | 'declined' | 'published'
  paymentId: string | null
  /** Needed while the publication is pending, and cleared when it is settled. */
  cardToken: string | null
  /** The number of the current owner. An owner with an older number has been overtaken. */
  attempt: number
}

/**
 * The price of each plan, in cents. A later change does not affect a publication that has begun.
 */
export const priceCents: Readonly<Record<Plan, number>> = { basic: 9_900, featured: 24_900 }

export type PayOutcome = Outcome<{ paymentId: string; status: 'captured' | 'pending' }, 'declined'>

/**
 * The publication after a call to payments. Undefined while the outcome is open: only captured and
 * declined are final. A pending payment or an unknown outcome leaves the publication pending.
 */
export function paid(publication: Publication, outcome: PayOutcome): Publication | undefined {
  switch (outcome.kind) {
    case 'ok': {
      const { status, paymentId } = outcome.value
      return status === 'captured' ? settled(publication, 'captured', paymentId) : undefined
    }
    case 'rejected':
      return declined(publication)
    case 'unknown': // it may have happened
    case 'not-sent': // it has not happened, and will be sent again
    case 'shed': // payments is busy
    case 'bug': // a person has to find the mistake first
      return undefined
  }
}

/** True if the call proves that payments has begun nothing, now or later. */
export function isCertainlyNotBegun({ kind }: PayOutcome): boolean {
  return kind === 'shed' || kind === 'not-sent'
}

export function declined(publication: Publication): Publication {
  return settled(publication, 'declined', null)
}

/**
 * The publication after the event of its captured payment. Undefined if it does not wait for this
 * payment. The event may come before the answer to our own request.
 */
export function published(publication: Publication, paymentId: string): Publication | undefined {
  const { status } = publication
  const isWaiting =
    status === 'pending' || (status === 'captured' && publication.paymentId === paymentId)
  return isWaiting ? settled(publication, 'published', paymentId) : undefined
}

function settled(
  publication: Publication,
  status: Publication['status'],
  paymentId: string | null,
): Publication {
  return { ...publication, status, paymentId, cardToken: null }
}

/** Compares a payment event with the publication that it names. */
export function checkPayment(
  publication: Publication | undefined,
  event: { tenantId: string; data: { listingId: string; amountCents: number; currency: string } },
): { kind: 'matches'; publication: Publication } | { kind: 'refused'; reason: string } {
  const refused = (reason: string) => ({ kind: 'refused', reason }) as const
  if (!publication) return refused('the publication does not exist')
  if (publication.tenantId !== event.tenantId) return refused('the event names another tenant')
  if (publication.listingId !== event.data.listingId)
    return refused('the event names another listing')
  if (publication.amountCents !== event.data.amountCents)
    return refused('the event names another amount')
  if (publication.currency !== event.data.currency)
    return refused('the event names another currency')
  return { kind: 'matches', publication }
}
