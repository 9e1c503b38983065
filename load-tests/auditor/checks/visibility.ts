import { rowsOf } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import type { Finding } from '../verdict.ts'

/**
 * S5: no listing is visible unless its payment was captured, and captured before it went live. All
 * processes of a local run read the same clock, so even a millisecond counts.
 */
export function checkVisibleIsPaid(facts: Facts): Finding[] {
  const searched = rowsOf(facts.evidence.search)
  const live = facts.listings.filter(({ status }) => status === 'live')
  const visible = new Set([...searched, ...live].map(({ listingId }) => listingId))
  return [...visible].flatMap(listingId => {
    const row = facts.listingById.get(listingId)
    const s5 = (message: string): Finding[] => [
      { promise: 'S5', message: `listing ${listingId} ${message}`, ids: [listingId] },
    ]
    if (row?.status !== 'live') return s5(`is in the search, and is ${row?.status ?? 'unknown'}`)
    const captures = (facts.publicationsByListing.get(listingId) ?? []).flatMap(
      ({ publicationId }) => facts.capturesByPublication.get(publicationId) ?? [],
    )
    if (captures.length === 0) return s5('is live, and the provider captured nothing for it')
    const firstCapture = Math.min(...captures.map(({ t }) => t))
    const publishedAt = row.publishedAt ?? 0
    return publishedAt < firstCapture ? s5('went live before its payment was captured') : []
  })
}
