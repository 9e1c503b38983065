import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { SearchQuery, SearchResponse } from '@nightshift/contracts/listings-http'
import { problemResponses } from '@nightshift/contracts/problem'
import { nothingSearchable } from '@nightshift/contracts/search-terms'
import { sendProblem } from '@nightshift/runtime/http/problem'
import { type SearchListingsDeps, searchListings } from '../flows/search-listings.ts'

/** For everybody: the live listings. */
export const searchRoutes: FastifyPluginAsyncTypebox<{ deps: SearchListingsDeps }> = async (
  app,
  { deps },
) => {
  const search = {
    summary: 'Search live listings, newest first',
    querystring: SearchQuery,
    response: { 200: SearchResponse, ...problemResponses },
  }
  app.get('/v1/listings', { config: { public: true }, schema: search }, async (request, reply) => {
    const result = await searchListings(deps, request.query)
    if (result.kind === 'bad_cursor') {
      return sendProblem(request, reply, {
        status: 400,
        slug: 'validation-error',
        title: 'The request does not have the form that this route takes',
        errors: [{ pointer: '/after', message: 'must be the nextAfter of a page' }],
      })
    }
    if (result.kind === 'nothing_searchable') {
      return sendProblem(request, reply, nothingSearchable)
    }
    // Text already, from the cache or just made: not to be written a second time.
    return reply
      .type('application/json; charset=utf-8')
      .serializer((json: unknown) => String(json))
      .send(result.json as unknown as SearchResponse)
  })
}
