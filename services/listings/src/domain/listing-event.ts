import type { ListingPublished } from '@nightshift/contracts/events'
import type { Listing } from './listing.ts'

/** The event about a listing that has gone live. It has all data that its consumers need. */
export function listingPublished(
  listing: Listing,
  publicationId: string,
  paymentId: string,
  eventId: string,
  occurredAt: string,
): ListingPublished {
  const { listingId, title, company, description, area, seniority } = listing
  const { salaryMinEurPerYear, salaryMaxEurPerYear } = listing
  return {
    eventId,
    type: 'listing.published',
    version: 1,
    occurredAt,
    tenantId: listing.tenantId,
    aggregateId: listingId,
    aggregateVersion: listing.version,
    data: {
      listingId,
      publicationId,
      paymentId,
      title,
      company,
      description,
      area,
      seniority,
      salaryMinEurPerYear,
      salaryMaxEurPerYear,
    },
  }
}
