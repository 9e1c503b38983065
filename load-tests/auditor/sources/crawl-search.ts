import { SearchResponse } from '@nightshift/contracts/listings-http'
import { Compile } from 'typebox/compile'
import type { SearchHit } from '../evidence.ts'

const pageListings = 50
const pagesMax = 4_000

const searchPage = Compile(SearchResponse)

/**
 * Reads everything that the public search finds, page after page, as a visitor would.
 * @throws when a page is refused, when it breaks its contract, or when the pages do not end
 */
export async function crawlSearch(listingsUrl: string, timeoutMs: number): Promise<SearchHit[]> {
  const deadline = AbortSignal.timeout(timeoutMs)
  const hits: SearchHit[] = []
  let after: string | undefined
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const url = new URL('/v1/listings', listingsUrl)
    url.searchParams.set('limit', String(pageListings))
    if (after !== undefined) url.searchParams.set('after', after)
    const answer = await fetch(url, { signal: deadline })
    if (!answer.ok) throw new Error(`${url.href} answered ${answer.status}`)
    const page: unknown = await answer.json()
    if (!searchPage.Check(page)) throw new Error(`${url.href} breaks its contract`)
    hits.push(...page.listings.map(({ listingId, status }) => ({ listingId, status })))
    after = page.nextAfter
    if (after === undefined) return hits
  }
  throw new Error(`the search does not end after ${pagesMax} pages`)
}
