import type { Area, ListingStatus, Seniority } from '@nightshift/contracts/listings-http'

/** A listing as the database has it. */
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
