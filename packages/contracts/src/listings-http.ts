import { type Static, Type } from 'typebox'
import {
  AmountCents,
  Currency,
  Id,
  multiLine,
  searchText,
  singleLine,
  strict,
  Timestamp,
} from './primitives.ts'

/** Where the employer hires. A candidate in one region may also take a worldwide job. */
export const Area = Type.Enum(['worldwide', 'europe', 'americas', 'africa', 'asia-pacific'])
export type Area = Static<typeof Area>

export const Seniority = Type.Enum(['junior', 'mid', 'senior', 'lead'])
export type Seniority = Static<typeof Seniority>

/** Whole euros per year: one unit everywhere, so that ranges can be compared. */
export const SalaryEurPerYear = Type.Integer({ minimum: 1_000, maximum: 2_000_000 })

const text = {
  title: singleLine(140, 'Title of the job.'),
  company: singleLine(100, 'Name of the employer.'),
  description: multiLine(5_000, 'Plain text.'),
}

export const DraftListingRequest = Type.Object(
  {
    ...text,
    area: Area,
    seniority: Seniority,
    salaryMinEurPerYear: SalaryEurPerYear,
    salaryMaxEurPerYear: SalaryEurPerYear,
  },
  strict,
)
export type DraftListingRequest = Static<typeof DraftListingRequest>

export const ListingStatus = Type.Enum(['draft', 'payment_pending', 'live'])
export type ListingStatus = Static<typeof ListingStatus>

export const ListingResponse = Type.Object(
  {
    listingId: Id,
    status: ListingStatus,
    title: Type.String(),
    company: Type.String(),
    description: Type.String(),
    area: Area,
    seniority: Seniority,
    salaryMinEurPerYear: SalaryEurPerYear,
    salaryMaxEurPerYear: SalaryEurPerYear,
    createdAt: Timestamp,
    publishedAt: Type.Optional(Timestamp),
  },
  { ...strict, $id: 'Listing' },
)
export type ListingResponse = Static<typeof ListingResponse>

export const Plan = Type.Enum(['basic', 'featured'])
export type Plan = Static<typeof Plan>

export const PublishListingRequest = Type.Object(
  {
    plan: Plan,
    cardToken: Type.String({ pattern: '^pm_[A-Za-z0-9_]{1,64}$' }),
  },
  strict,
)
export type PublishListingRequest = Static<typeof PublishListingRequest>

/**
 * `captured`: paid, and soon in the public search. `pending`: the card provider has not answered
 * yet.
 */
export const PublicationResponse = Type.Object(
  {
    publicationId: Id,
    listingId: Id,
    plan: Plan,
    amountCents: AmountCents,
    currency: Currency,
    payment: Type.Enum(['pending', 'captured']),
    paymentId: Type.Optional(Id),
  },
  { ...strict, $id: 'Publication' },
)
export type PublicationResponse = Static<typeof PublicationResponse>

export const SearchQuery = Type.Object(
  {
    text: Type.Optional(searchText),
    area: Type.Optional(Area),
    seniority: Type.Optional(Seniority),
    salaryAtLeastEurPerYear: Type.Optional(SalaryEurPerYear),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 50, default: 20 })),
    after: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_-]{1,120}$',
        description: '`nextAfter` of the previous page.',
      }),
    ),
  },
  strict,
)
export type SearchQuery = Static<typeof SearchQuery>

export const SearchResponse = Type.Object(
  {
    listings: Type.Array(ListingResponse),
    nextAfter: Type.Optional(Type.String()),
  },
  { ...strict, $id: 'SearchPage' },
)
export type SearchResponse = Static<typeof SearchResponse>
