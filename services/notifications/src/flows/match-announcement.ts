import { searchTermsOf } from '@nightshift/contracts/search-terms'
import type { AdvertisedListing } from '../domain/mail.ts'

export type MatchAnnouncementDeps = {
  /** The open announcement that has waited longest for a turn; undefined if none is open. */
  takeTurn: () => Promise<AdvertisedListing | undefined>
  /** Intends mails for the next few alerts that match, and commits how far it came. */
  matchSlice: (listing: AdvertisedListing, terms: readonly string[]) => Promise<void>
}

/**
 * One slice of one announcement. Announcements take turns, so that one with 100,000 alerts to look at
 * does not hold up the next. A turn is committed before its slice: a slice that fails goes to the end
 * of the line instead of being tried again at once.
 * @returns whether any was open
 */
export async function matchAnnouncement(deps: MatchAnnouncementDeps): Promise<boolean> {
  const listing = await deps.takeTurn()
  if (listing === undefined) return false
  const { title, company, description } = listing
  await deps.matchSlice(listing, searchTermsOf(`${title}\n${company}\n${description}`))
  return true
}
