import type { ListingPublished, PaymentEvent } from '@nightshift/contracts/events'
import type { Listing } from '../domain/listing.ts'
import { listingPublished } from '../domain/listing-event.ts'
import { checkPayment, type Publication } from '../domain/publication.ts'

export type ApplyPaymentEventDeps = {
  newId: () => string
  /** RFC 3339. */
  now: () => string
  /** One transaction, undone by a refusal; what it announces is published if it commits. */
  inOneTransaction: (
    work: (tx: PaymentEventTransaction) => Promise<PaymentEventResult>,
  ) => Promise<PaymentEventResult>
  /** Tells the cache of the search that its pages are old. Best effort: they expire anyway. */
  forgetSearches: () => Promise<void>
}

export type PaymentEventTransaction = {
  /** False if this event was applied before. */
  rememberEvent: (eventId: string) => Promise<boolean>
  /** Locked, so that what is decided about it stays true until the commit. */
  findPublication: (publicationId: string) => Promise<Publication | undefined>
  /** Answers undefined if it was published before. */
  putLive: (publication: Publication, paymentId: string) => Promise<Listing | undefined>
  recordDecline: (publication: Publication) => Promise<void>
  announce: (event: ListingPublished) => Promise<void>
}

export type PaymentEventResult = 'applied' | 'duplicate' | { refused: string }

/**
 * The one road on which a listing goes live: the event of its captured payment. What follows from an
 * event is committed together with the memory of having seen it.
 */
export async function applyPaymentEvent(
  deps: ApplyPaymentEventDeps,
  event: PaymentEvent,
): Promise<PaymentEventResult> {
  const result = await deps.inOneTransaction(async tx => {
    if (!(await tx.rememberEvent(event.eventId))) return 'duplicate'
    const check = checkPayment(await tx.findPublication(event.data.publicationId), event)
    if (check.kind === 'refused') return { refused: check.reason }
    const { publication } = check
    if (event.type === 'payment.declined') {
      await tx.recordDecline(publication)
      return 'applied'
    }
    const { paymentId } = event.data
    const listing = await tx.putLive(publication, paymentId)
    if (!listing) return { refused: 'it pays for a publication that is over' }
    const { publicationId } = publication
    await tx.announce(listingPublished(listing, publicationId, paymentId, deps.newId(), deps.now()))
    return 'applied'
  })
  if (result === 'applied' && event.type === 'payment.captured') await deps.forgetSearches()
  return result
}
