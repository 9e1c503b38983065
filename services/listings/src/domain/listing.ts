import type { Area, ListingStatus, Seniority } from '@nightshift/contracts/listings-http'

/** What we remember about a listing. */
export type Listing = {
  listingId: string
  tenantId: string
  title: string
  company: string
  description: string
  area: Area
  seniority: Seniority
  salaryMinEurPerYear: number
  salaryMaxEurPerYear: number
  status: ListingStatus
  version: number
  createdAt: Date
  publishedAt: Date | null
}
