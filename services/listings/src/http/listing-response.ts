import type { ListingResponse, SearchResponse } from '@nightshift/contracts/listings-http'
import type { Listing } from '../domain/listing.ts'

export function listingResponse(listing: Listing): ListingResponse {
  return {
    listingId: listing.listingId,
    status: listing.status,
    title: listing.title,
    company: listing.company,
    description: listing.description,
    area: listing.area,
    seniority: listing.seniority,
    salaryMinEurPerYear: listing.salaryMinEurPerYear,
    salaryMaxEurPerYear: listing.salaryMaxEurPerYear,
    createdAt: listing.createdAt.toISOString(),
    ...(listing.publishedAt === null ? {} : { publishedAt: listing.publishedAt.toISOString() }),
  }
}

export function searchResponse(page: {
  listings: Listing[]
  nextAfter: string | undefined
}): SearchResponse {
  return {
    listings: page.listings.map(listingResponse),
    ...(page.nextAfter === undefined ? {} : { nextAfter: page.nextAfter }),
  }
}
