import type { PublishListingRequest } from '@nightshift/contracts/listings-http'
import type { NotClaimed, StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { retryFloorMs } from '@nightshift/runtime/process/outcome'
import type { Pay } from '../clients/payments.ts'
import { type Publication, paid, priceCents } from '../domain/publication.ts'
import { publicationAnswer } from '../domain/publication-answer.ts'
import type { PublicationStore } from '../store/publication-store.ts'

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
  /** Settled long ago: its key has expired and was used again. */
  | { kind: 'known'; publication: Publication }
  | { kind: 'no_such_listing' }
  | { kind: 'not_a_draft' }
  | { kind: 'overloaded' }
  | NotClaimed

export type FinishPublicationDeps = {
  store: PublicationStore
  /** Asks payments, under a key that is derived from the publication. It may be asked many times. */
  pay: Pay
}

export type PublishListingDeps = FinishPublicationDeps & {
  /** With less left of the request, nothing is begun. */
  beginMinMs: number
}

/** A publication, and the answer that was stored or would be given for it now. */
export type AnsweredPublication = {
  kind: 'publication'
  publication: Publication
  answer: StoredAnswer
}

export type PublishListingResult =
  | AnsweredPublication
  | Exclude<PublicationClaim, { publication: Publication }>

/**
 * Begins a publication once per key and pays for it: claim the key (commit), ask payments (no
 * transaction open), commit the outcome. It does not put the listing live: only the event of the
 * captured payment does, whether or not a client is still waiting here.
 */
export async function publishListing(
  deps: PublishListingDeps,
  keyed: KeyedPublication,
  deadline: Deadline,
): Promise<PublishListingResult> {
  if (deadline.remainingMs() < deps.beginMinMs) return { kind: 'overloaded' }
  const amountCents = priceCents[keyed.request.plan]
  const claim = await deps.store.claim({ ...keyed, amountCents }, deadline)
  if (claim.kind === 'known') {
    return { kind: 'finished', answer: publicationAnswer(claim.publication) }
  }
  if (claim.kind !== 'claimed') return claim
  return finishPublication(deps, claim.publication, deadline)
}

/** The second half, for a request and for the job that resumes what a request left open. */
export async function finishPublication(
  { store, pay }: FinishPublicationDeps,
  before: Publication,
  deadline: Deadline,
): Promise<AnsweredPublication> {
  if (before.status !== 'pending') return answered(before)
  const outcome = await pay(before, deadline)
  const after = paid(before, outcome)
  if (!after) {
    await store.recheckLater(before, retryFloorMs(outcome))
    return answered(before)
  }
  const answer = publicationAnswer(after)
  const returnsToDrafts = after.status === 'declined'
  if (await store.commit({ before, after, returnsToDrafts, answer })) {
    return { kind: 'publication', publication: after, answer }
  }
  // The event, the job or another instance was first. What it committed is the answer.
  return answered(await store.reload(before))
}

function answered(publication: Publication): AnsweredPublication {
  return { kind: 'publication', publication, answer: publicationAnswer(publication) }
}
