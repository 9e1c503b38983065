import type { PaymentEvent } from '@nightshift/contracts/events'
import { listingPublished } from '../domain/listing-event.ts'
import { checkPayment, declined, published } from '../domain/publication.ts'
import { publicationAnswer } from '../domain/publication-answer.ts'
import type { InEventTransaction } from '../store/payment-event-transaction.ts'
import type { NoteSettled } from './publish-listing.ts'

export type ApplyPaymentEventDeps = {
  newId: () => string
  /** RFC 3339. */
  now: () => string
  /** Runs one transaction. A refusal rolls it back, and a commit publishes its events. */
  inTransaction: InEventTransaction
  /** Invalidates the cached pages of the search. If this fails, they expire soon anyway. */
  forgetSearches: () => Promise<void>
  noteSettled: NoteSettled
}

export type PaymentEventResult = 'applied' | 'duplicate' | { refused: string }

/**
 * Applies a payment event to its publication. Only the event of a captured payment puts a listing
 * live. Everything that follows from the event is committed together with its inbox entry.
 */
export async function applyPaymentEvent(
  deps: ApplyPaymentEventDeps,
  event: PaymentEvent,
): Promise<PaymentEventResult> {
  let settled: Parameters<NoteSettled> | undefined
  const result = await deps.inTransaction(async (tx): Promise<PaymentEventResult> => {
    if (!(await tx.rememberEvent(event.eventId))) return 'duplicate'
    const check = checkPayment(await tx.lockPublication(event.data.publicationId), event)
    if (check.kind === 'refused') return { refused: check.reason }
    const before = check.publication
    if (event.type === 'payment.declined') {
      if (before.status !== 'pending') return 'applied'
      const after = declined(before)
      await tx.settle({ after, answer: publicationAnswer(after), returnsToDrafts: true })
      settled = [before.tenantId, 'declined']
      return 'applied'
    }
    const { paymentId } = event.data
    const after = published(before, paymentId)
    if (!after) return { refused: 'the publication does not wait for this payment' }
    await tx.settle({ after, answer: publicationAnswer(after), returnsToDrafts: false })
    // Otherwise the request or the job had its answer first, and counted it.
    if (before.status === 'pending') settled = [before.tenantId, 'paid']
    const listing = await tx.putListingLive(after.listingId)
    if (!listing) return { refused: 'the listing does not wait for a payment' }
    await tx.announce(
      listingPublished(listing, after.publicationId, paymentId, deps.newId(), deps.now()),
    )
    return 'applied'
  })
  if (result === 'applied' && settled) deps.noteSettled(...settled)
  if (result === 'applied' && event.type === 'payment.captured') await deps.forgetSearches()
  return result
}
