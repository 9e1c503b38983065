import { termsOfListing } from '@nightshift/contracts/search-terms'
import type { AdvertisedListing } from '../domain/mail.ts'

export type MatchAnnouncementDeps = {
  /**
   * Takes the open announcement that has waited longest for its turn. Undefined if none is open.
   */
  takeTurn: () => Promise<AdvertisedListing | undefined>
  /** Inserts deliveries for the next matching alerts, and commits the position of the cursor. */
  matchSlice: (listing: AdvertisedListing, terms: readonly string[]) => Promise<void>
}

/**
 * Matches one slice of one announcement. A slice is so short that a stop does not have to interrupt
 * it.
 *
 * Announcements take turns, so that one with 100,000 alerts does not delay the next.
 *
 * A turn is committed before its slice, so that a failing slice waits for the others before it is
 * tried again.
 * @returns how many announcements were worked on
 */
export async function matchAnnouncement(deps: MatchAnnouncementDeps): Promise<0 | 1> {
  const listing = await deps.takeTurn()
  if (listing === undefined) return 0
  await deps.matchSlice(listing, termsOfListing(listing))
  return 1
}
