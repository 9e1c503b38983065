import type { SearchQuery } from '@nightshift/contracts/listings-http'
import type { SearchCursor } from '../domain/search-cursor.ts'
import { decodeCursor } from '../domain/search-cursor.ts'

export type Search = Omit<SearchQuery, 'after' | 'limit'> & {
  after: SearchCursor | undefined
  limit: number
}

export type SearchListingsDeps = {
  /** A page as JSON text, from the cache or, through it, from the database. */
  findPage: (search: Search) => Promise<string>
  pageDefault: number
}

export type SearchListingsResult = { kind: 'page'; json: string } | { kind: 'bad_cursor' }

/** The public search over live listings, newest first. */
export async function searchListings(
  deps: SearchListingsDeps,
  query: SearchQuery,
): Promise<SearchListingsResult> {
  const { after: text, limit = deps.pageDefault, ...filters } = query
  const after = text === undefined ? undefined : decodeCursor(text)
  if (text !== undefined && after === undefined) return { kind: 'bad_cursor' }
  return { kind: 'page', json: await deps.findPage({ ...filters, after, limit }) }
}
