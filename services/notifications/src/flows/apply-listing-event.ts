import type { ListingEvent } from '@nightshift/contracts/events'

export type ApplyListingEventDeps = {
  /** One transaction for all that follows. */
  inOneTransaction: (
    work: (tx: ListingEventTransaction) => Promise<ListingEventResult>,
  ) => Promise<ListingEventResult>
}

export type ListingEventTransaction = {
  /** False if this event was applied before. */
  rememberEvent: (eventId: string) => Promise<boolean>
  /** Writes down who is to be told of this listing: each candidate once, however many alerts match. */
  intendMails: (listing: ListingEvent['data']) => Promise<number>
}

export type ListingEventResult = 'applied' | 'duplicate'

/**
 * A listing went live: decide whom to tell, and commit the decision with the memory of the event.
 * Nothing is sent here; a mail can't be undone, so it may only follow from what is committed.
 */
export function applyListingEvent(
  deps: ApplyListingEventDeps,
  event: ListingEvent,
): Promise<ListingEventResult> {
  return deps.inOneTransaction(async tx => {
    if (!(await tx.rememberEvent(event.eventId))) return 'duplicate'
    await tx.intendMails(event.data)
    return 'applied'
  })
}
