import type { PublishListingRequest } from '@nightshift/contracts/listings-http'
import type { NotClaimed, StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { retryFloorMs } from '@nightshift/runtime/process/outcome'
import type { Priority } from '@nightshift/runtime/process/priority'
import type { Pay } from '../clients/payments.ts'
import {
  isCertainlyNotBegun,
  type PayOutcome,
  type Publication,
  paid,
  priceCents,
} from '../domain/publication.ts'
import { publicationAnswer } from '../domain/publication-answer.ts'
import type { PublicationStore } from '../store/publication-store.ts'

export type KeyedPublication = {
  tenantId: string
  listingId: string
  key: string
  request: PublishListingRequest
}

/** A request with the price of its plan, which is fixed when the publication begins. */
export type PricedPublication = KeyedPublication & { amountCents: number }

export type PublicationClaim =
  /** `isNew`: no earlier attempt can have reached payments. */
  | { kind: 'claimed'; publication: Publication; isNew: boolean }
  /**
   * The publication was settled before. Its key has no stored answer, for example because it has
   * expired.
   */
  | { kind: 'settled'; publication: Publication }
  | { kind: 'no_such_listing' }
  | { kind: 'not_a_draft' }
  | { kind: 'overloaded' }
  | NotClaimed

/** Counts the answer to a charge, for the limit of the tenant. It neither waits nor fails. */
export type NoteSettled = (tenantId: string, status: 'declined' | 'paid') => void

export type FinishPublicationDeps = {
  store: PublicationStore
  /** Calls payments, under a key that is derived from the publication. It may be repeated. */
  pay: Pay
  noteSettled: NoteSettled
}

export type PublishListingDeps = FinishPublicationDeps & {
  /** The least time that a request must have left, or nothing is begun. */
  beginMinMs: number
  /** Counts a publication that its first request leaves to the job. */
  noteLeftOpen: (tenantId: string) => void
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
 * transaction open), commit the outcome. This flow never puts the listing live: only the event of
 * the captured payment does, so it does not matter whether the client still waits.
 */
export async function publishListing(
  deps: PublishListingDeps,
  keyed: KeyedPublication,
  deadline: Deadline,
  priority: Priority,
): Promise<PublishListingResult> {
  if (deadline.remainingMs() < deps.beginMinMs) return { kind: 'overloaded' }
  const amountCents = priceCents[keyed.request.plan]
  const claim = await deps.store.claim({ ...keyed, amountCents }, deadline)
  if (claim.kind === 'settled') {
    return { kind: 'finished', answer: publicationAnswer(claim.publication) }
  }
  if (claim.kind !== 'claimed') return claim
  const { publication, isNew } = claim
  if (publication.status !== 'pending') return answered(publication)
  const outcome = await deps.pay(publication, deadline, priority)
  // An honest refusal leaves nothing behind: otherwise the job would charge a caller who was refused.
  if (isNew && isCertainlyNotBegun(outcome) && (await deps.store.withdraw(publication))) {
    return { kind: 'overloaded' }
  }
  const begun = await conclude(deps, publication, outcome)
  if (isNew && begun.publication.status === 'pending') deps.noteLeftOpen(keyed.tenantId)
  return begun
}

/** The second half of the flow, as the job for open publications uses it. */
export async function finishPublication(
  { pay, ...deps }: FinishPublicationDeps,
  before: Publication,
  deadline: Deadline,
  priority: Priority,
): Promise<AnsweredPublication> {
  if (before.status !== 'pending') return answered(before)
  return conclude(deps, before, await pay(before, deadline, priority))
}

async function conclude(
  { store, noteSettled }: Pick<FinishPublicationDeps, 'store' | 'noteSettled'>,
  before: Publication,
  outcome: PayOutcome,
): Promise<AnsweredPublication> {
  const after = paid(before, outcome)
  if (!after) {
    await store.recheckLater(before, retryFloorMs(outcome))
    return answered(before)
  }
  const answer = publicationAnswer(after)
  const returnsToDrafts = after.status === 'declined'
  if (await store.commit({ before, after, returnsToDrafts, answer })) {
    noteSettled(after.tenantId, returnsToDrafts ? 'declined' : 'paid')
    return { kind: 'publication', publication: after, answer }
  }
  // The consumer, the job or another instance was first. Its result is the answer.
  return answered(await store.reload(before))
}

function answered(publication: Publication): AnsweredPublication {
  return { kind: 'publication', publication, answer: publicationAnswer(publication) }
}
