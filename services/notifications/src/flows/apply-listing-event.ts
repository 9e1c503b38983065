import type { ListingEvent } from '@nightshift/contracts/events'

export type ApplyListingEventDeps = {
  /** Runs one transaction. */
  inOneTransaction: (
    work: (tx: ListingEventTransaction) => Promise<ListingEventResult>,
  ) => Promise<ListingEventResult>
}

export type ListingEventTransaction = {
  /** False if this event was applied before. */
  rememberEvent: (eventId: string) => Promise<boolean>
  /** Records that matching candidates must get a mail. A listing is announced once. */
  announce: (event: ListingEvent) => Promise<void>
}

export type ListingEventResult = 'applied' | 'duplicate'

/**
 * Commits that a listing must be announced, together with the inbox entry of its event. A job finds
 * the matching alerts later, in slices. So the work here does not grow with the number of alerts,
 * and many alerts cannot delay the next events.
 */
export function applyListingEvent(
  deps: ApplyListingEventDeps,
  event: ListingEvent,
): Promise<ListingEventResult> {
  return deps.inOneTransaction(async tx => {
    if (!(await tx.rememberEvent(event.eventId))) return 'duplicate'
    await tx.announce(event)
    return 'applied'
  })
}
