import type { SearchQuery } from '@nightshift/contracts/listings-http'
import { searchTermsOf } from '@nightshift/contracts/search-terms'
import type { SearchCursor } from '../domain/search-cursor.ts'
import { decodeCursor } from '../domain/search-cursor.ts'

export type Search = Omit<SearchQuery, 'after' | 'limit' | 'text'> & {
  /** Sorted, so that the cache has one entry for the same words in any order. */
  terms: string[] | undefined
  after: SearchCursor | undefined
  limit: number
}

export type SearchListingsDeps = {
  /** Returns a page as JSON text, from the cache or else from the database. */
  findPage: (search: Search) => Promise<string>
  pageDefault: number
}

export type SearchListingsResult =
  | { kind: 'page'; json: string }
  | { kind: 'bad_cursor' }
  /**
   * The text has no word, so it could never find anything. All listings would be a wrong answer.
   */
  | { kind: 'nothing_searchable' }

/** The public search over live listings, newest first. */
export async function searchListings(
  deps: SearchListingsDeps,
  query: SearchQuery,
): Promise<SearchListingsResult> {
  const { after: cursor, text, limit = deps.pageDefault, ...filters } = query
  const after = cursor === undefined ? undefined : decodeCursor(cursor)
  if (cursor !== undefined && after === undefined) return { kind: 'bad_cursor' }
  const terms = text === undefined ? undefined : searchTermsOf(text).sort()
  if (terms?.length === 0) return { kind: 'nothing_searchable' }
  return { kind: 'page', json: await deps.findPage({ ...filters, terms, after, limit }) }
}
