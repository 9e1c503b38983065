import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  DraftListingRequest,
  ListingResponse,
  PublicationResponse,
  PublishListingRequest,
} from '@nightshift/contracts/listings-http'
import { Id, IdempotencyKey, strict } from '@nightshift/contracts/primitives'
import { problemResponse, problemResponses } from '@nightshift/contracts/problem'
import { sendKeyedAnswer, sendNotClaimed } from '@nightshift/patterns/idempotency-key/http-answer'
import type { RouteHooks } from '@nightshift/patterns/rate-limit/limited-door'
import { type Refusal, sendProblem } from '@nightshift/runtime/http/problem'
import { deadlineOf, note, priorityOf, tenantOf } from '@nightshift/runtime/http/request-state'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { Type } from 'typebox'
import type { Listing } from '../domain/listing.ts'
import {
  type PublishListingDeps,
  type PublishListingResult,
  publishListing,
} from '../flows/publish-listing.ts'
import type { NewListing } from '../store/listings.ts'
import { listingResponse } from './listing-response.ts'

export type EmployerRoutesDeps = {
  insertListing: (listing: NewListing, deadline: Deadline) => Promise<Listing>
  findListing: (
    tenantId: string,
    listingId: string,
    deadline: Deadline,
  ) => Promise<Listing | undefined>
  publishListing: PublishListingDeps
  publishingDoor: RouteHooks
}

const writing = { scope: 'listings:write' } as const
const reading = { scope: 'listings:read' } as const
const params = Type.Object({ listingId: Id }, strict)

/** Routes for employers: draft a listing, read it, pay for it and publish it. */
export const employerRoutes: FastifyPluginAsyncTypebox<{ deps: EmployerRoutesDeps }> = async (
  app,
  { deps },
) => {
  const draft = {
    summary: 'Draft a listing',
    body: DraftListingRequest,
    response: { 201: ListingResponse, ...problemResponses },
  }
  app.post('/v1/listings', { config: writing, schema: draft }, async (request, reply) => {
    const { body } = request
    if (body.salaryMinEurPerYear > body.salaryMaxEurPerYear) {
      return sendProblem(request, reply, salaryRange)
    }
    const tenantId = tenantOf(request)
    const newListing = { ...body, listingId: randomUUID(), tenantId }
    const listing = await deps.insertListing(newListing, deadlineOf(request))
    note(request, { listingId: listing.listingId })
    reply.header('location', `/v1/listings/${listing.listingId}`)
    return reply.code(201).send(listingResponse(listing))
  })

  const read = {
    summary: 'One listing of the caller',
    params,
    response: { 200: ListingResponse, ...problemResponses },
  }
  app.get('/v1/listings/:listingId', { config: reading, schema: read }, async (request, reply) => {
    const { listingId } = request.params
    const listing = await deps.findListing(tenantOf(request), listingId, deadlineOf(request))
    return listing
      ? listingResponse(listing)
      : sendProblem(request, reply, refusals.no_such_listing)
  })

  const publish = {
    summary: 'Pay for a listing and publish it, once per Idempotency-Key',
    headers: Type.Object({ 'idempotency-key': IdempotencyKey }),
    params,
    body: PublishListingRequest,
    response: {
      201: { ...PublicationResponse, description: 'Paid. The listing goes live soon.' },
      202: { ...PublicationResponse, description: 'Not known yet. Ask again with the same key.' },
      402: { ...problemResponse, description: 'The card was declined. Nothing was charged.' },
      ...problemResponses,
    },
  }
  const publishing = { config: writing, schema: publish, ...deps.publishingDoor }
  app.post('/v1/listings/:listingId/publish', publishing, async (request, reply) => {
    const keyed = {
      tenantId: tenantOf(request),
      listingId: request.params.listingId,
      key: request.headers['idempotency-key'],
      request: request.body,
    }
    note(request, { listingId: keyed.listingId })
    const result = await publishListing(
      deps.publishListing,
      keyed,
      deadlineOf(request),
      priorityOf(request),
    )
    switch (result.kind) {
      case 'no_such_listing':
      case 'not_a_draft':
        return sendProblem(request, reply, refusals[result.kind])
      case 'publication': {
        const { publicationId, paymentId, status } = result.publication
        note(request, { publicationId, paymentId, publicationStatus: status })
        return sendKeyedAnswer(reply, result.answer, false)
      }
      default:
        return sendNotClaimed(request, reply, result)
    }
  })
}

type RefusalReason = Extract<PublishListingResult['kind'], 'no_such_listing' | 'not_a_draft'>

const refusals = {
  no_such_listing: { status: 404, slug: 'not-found', title: 'There is no such listing' },
  not_a_draft: {
    status: 409,
    slug: 'listing-not-a-draft',
    title: 'The listing is live, or waits for its payment',
  },
} as const satisfies Record<RefusalReason, Refusal>

const salaryRange: Refusal = {
  status: 422,
  slug: 'salary-range',
  title: 'The maximum salary is below the minimum',
  errors: [{ pointer: '/salaryMaxEurPerYear', message: 'must not be below salaryMinEurPerYear' }],
}
