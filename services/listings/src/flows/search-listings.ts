import type { SearchQuery } from '@nightshift/contracts/listings-http'
import { searchTermsOf } from '@nightshift/contracts/search-terms'
import type { SearchCursor } from '../domain/search-cursor.ts'
import { decodeCursor } from '../domain/search-cursor.ts'

export type Search = Omit<SearchQuery, 'after' | 'limit' | 'text'> & {
  /** In alphabetic order, so that the cache knows two orders of the same words for one search. */
  terms: string[] | undefined
  after: SearchCursor | undefined
  limit: number
}

export type SearchListingsDeps = {
  /** A page as JSON text, from the cache or, through it, from the database. */
  findPage: (search: Search) => Promise<string>
  pageDefault: number
}

export type SearchListingsResult =
  | { kind: 'page'; json: string }
  | { kind: 'bad_cursor' }
  /** There is no word in the text: nothing could ever be found, and showing all would be a lie. */
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
