import type { PublishListingRequest } from '@nightshift/contracts/listings-http'
import type { StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { retryFloorMs } from '@nightshift/runtime/process/outcome'
import {
  decide,
  type PayOutcome,
  type Publication,
  priceCents,
  type Verdict,
} from '../domain/publication.ts'

export type KeyedPublication = {
  tenantId: string
  listingId: string
  key: string
  request: PublishListingRequest
}

/** The price is decided once, when the publication begins. */
export type PricedPublication = KeyedPublication & { amountCents: number }

export type PublicationClaim =
  | { kind: 'claimed'; publication: Publication }
  | { kind: 'finished'; answer: StoredAnswer }
  | { kind: 'in_progress'; retryAfterMs: number }
  | { kind: 'different_request' }
  | { kind: 'no_such_listing' }
  | { kind: 'not_a_draft' }
  | { kind: 'overloaded' }

export type FinishPublicationDeps = {
  /** Asks payments, under a key that is derived from the publication: as often as need be. */
  pay: (publication: Publication, deadline: Deadline) => Promise<PayOutcome>
  /** Records how the payment ended, and the answer. Answers what the publication is now. */
  settle: (publication: Publication, verdict: FinalVerdict) => Promise<Publication>
  /** Notes that the outcome is open and when to look again: not before `retryFloorMs` have passed. */
  askAgainLater: (publication: Publication, retryFloorMs: number) => Promise<void>
}

export type PublishListingDeps = FinishPublicationDeps & {
  /** With less left of the request, nothing is begun. */
  beginMinMs: number
  /** Commits the key, the publication and its price, and takes the listing out of its drafts. */
  claim: (priced: PricedPublication, deadline: Deadline) => Promise<PublicationClaim>
}

export type FinalVerdict = Exclude<Verdict, { kind: 'ask_again' }>

export type PublishListingResult =
  | { kind: 'publication'; publication: Publication }
  | Exclude<PublicationClaim, { kind: 'claimed' }>

/**
 * Begins a publication once per key and pays for it. It does not put the listing live: that happens
 * when the event of the captured payment arrives, on one road, whoever was listening here.
 */
export async function publishListing(
  deps: PublishListingDeps,
  keyed: KeyedPublication,
  deadline: Deadline,
): Promise<PublishListingResult> {
  if (deadline.remainingMs() < deps.beginMinMs) return { kind: 'overloaded' }
  const amountCents = priceCents[keyed.request.plan]
  const claim = await deps.claim({ ...keyed, amountCents }, deadline)
  if (claim.kind !== 'claimed') return claim
  const publication = await finishPublication(deps, claim.publication, deadline)
  return { kind: 'publication', publication }
}

/** The second half, for a request and for the job that resumes what a request left behind. */
export async function finishPublication(
  deps: FinishPublicationDeps,
  publication: Publication,
  deadline: Deadline,
): Promise<Publication> {
  if (publication.status !== 'pending') return publication
  const outcome = await deps.pay(publication, deadline)
  const verdict = decide(outcome)
  if (verdict.kind !== 'ask_again') return deps.settle(publication, verdict)
  await deps.askAgainLater(publication, retryFloorMs(outcome))
  return publication
}
