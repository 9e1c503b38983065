import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { SearchQuery, SearchResponse } from '@nightshift/contracts/listings-http'
import { problemResponses } from '@nightshift/contracts/problem'
import { nothingSearchable } from '@nightshift/contracts/search-terms'
import { sendProblem } from '@nightshift/runtime/http/problem'
import { type SearchListingsDeps, searchListings } from '../flows/search-listings.ts'

/** The public route that searches live listings. It needs no API key. */
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
        title: 'The request does not have the expected form',
        errors: [{ pointer: '/after', message: 'must be the nextAfter of a page' }],
      })
    }
    if (result.kind === 'nothing_searchable') {
      return sendProblem(request, reply, nothingSearchable)
    }
    // The page is JSON text already. The serializer of the route would quote it as a string.
    return reply
      .type('application/json; charset=utf-8')
      .serializer((json: unknown) => String(json))
      .send(result.json as unknown as SearchResponse)
  })
}
