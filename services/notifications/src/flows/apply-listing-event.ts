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
  /** Writes down that candidates are to be told of this listing. A listing is announced once. */
  announce: (listing: ListingEvent['data']) => Promise<void>
}

export type ListingEventResult = 'applied' | 'duplicate'

/**
 * A listing went live: commit that it is to be announced, with the memory of the event. Whom it
 * concerns is found afterwards, a few alerts at a time: the work here does not grow with their
 * number, so no number of alerts can hold up the events that come next.
 */
export function applyListingEvent(
  deps: ApplyListingEventDeps,
  event: ListingEvent,
): Promise<ListingEventResult> {
  return deps.inOneTransaction(async tx => {
    if (!(await tx.rememberEvent(event.eventId))) return 'duplicate'
    await tx.announce(event.data)
    return 'applied'
  })
}
