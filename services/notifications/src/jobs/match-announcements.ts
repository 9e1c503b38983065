import { type MatchAnnouncementDeps, matchAnnouncement } from '../flows/match-announcement.ts'

/**
 * One slice of one announcement: a round is so short that a stop does not have to interrupt it.
 * @returns how many announcements were worked on
 */
export async function matchAnnouncementsOnce(deps: MatchAnnouncementDeps): Promise<number> {
  return (await matchAnnouncement(deps)) ? 1 : 0
}
