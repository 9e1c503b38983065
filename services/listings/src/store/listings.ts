import type { Area, ListingStatus, Seniority } from '@nightshift/contracts/listings-http'
import { termsOfListing, termsQuery } from '@nightshift/contracts/search-terms'
import { allOf, type Condition, when } from '@nightshift/runtime/postgres/conditions'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Listing } from '../domain/listing.ts'
import type { SearchCursor } from '../domain/search-cursor.ts'
import type { Search } from '../flows/search-listings.ts'

type ListingRow = {
  listing_id: string
  tenant_id: string
  title: string
  company: string
  description: string
  area: Area
  seniority: Seniority
  salary_min_eur: number
  salary_max_eur: number
  status: ListingStatus
  version: number
  created_at: Date
  published_at: Date | null
}

const columns = `listing_id, tenant_id, title, company, description, area, seniority,
  salary_min_eur, salary_max_eur, status, version, created_at, published_at`

export type NewListing = Pick<
  Listing,
  | 'listingId'
  | 'tenantId'
  | 'title'
  | 'company'
  | 'description'
  | 'area'
  | 'seniority'
  | 'salaryMinEurPerYear'
  | 'salaryMaxEurPerYear'
>

export async function insertListing(db: Queryable, listing: NewListing): Promise<Listing> {
  const { rows } = await db.query<ListingRow>({
    name: 'insert_listing',
    text: `INSERT INTO listings (listing_id, tenant_id, title, company, description, area,
             seniority, salary_min_eur, salary_max_eur, search)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, array_to_tsvector($10::text[]))
           RETURNING ${columns}`,
    values: [
      listing.listingId,
      listing.tenantId,
      listing.title,
      listing.company,
      listing.description,
      listing.area,
      listing.seniority,
      listing.salaryMinEurPerYear,
      listing.salaryMaxEurPerYear,
      termsOfListing(listing),
    ],
  })
  const [row] = rows
  if (!row) throw new Error('an INSERT with RETURNING returned no row')
  return toListing(row)
}

/** Finds a listing of one tenant. Another tenant's listing looks like none. */
export async function findListing(
  db: Queryable,
  tenantId: string,
  listingId: string,
): Promise<Listing | undefined> {
  const { rows } = await db.query<ListingRow>({
    name: 'find_listing',
    text: `SELECT ${columns} FROM listings WHERE listing_id = $1 AND tenant_id = $2`,
    values: [listingId, tenantId],
  })
  return rows[0] && toListing(rows[0])
}

/** True if the listing was a draft of this tenant. It waits for its payment now. */
export async function takeFromDrafts(
  tx: Queryable,
  tenantId: string,
  listingId: string,
): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'take_from_drafts',
    text: `UPDATE listings SET status = 'payment_pending', version = version + 1
           WHERE listing_id = $1 AND tenant_id = $2 AND status = 'draft'`,
    values: [listingId, tenantId],
  })
  return rowCount === 1
}

export async function returnToDrafts(tx: Queryable, listingId: string): Promise<void> {
  await tx.query({
    name: 'return_to_drafts',
    text: `UPDATE listings SET status = 'draft', version = version + 1
           WHERE listing_id = $1 AND status = 'payment_pending'`,
    values: [listingId],
  })
}

/** Returns undefined if the listing did not wait for its payment. */
export async function putListingLive(
  tx: Queryable,
  listingId: string,
): Promise<Listing | undefined> {
  const { rows } = await tx.query<ListingRow>({
    name: 'put_listing_live',
    text: `UPDATE listings SET status = 'live', published_at = now(), version = version + 1
           WHERE listing_id = $1 AND status = 'payment_pending' RETURNING ${columns}`,
    values: [listingId],
  })
  return rows[0] && toListing(rows[0])
}

export type Page = { listings: Listing[]; nextAfter: SearchCursor | undefined }

/**
 * One page of live listings, newest first. The page begins after a key and not at an offset, so a
 * listing that goes live between two pages repeats or skips no other. A search in one region also
 * finds worldwide listings.
 */
export async function findLiveListings(db: Queryable, search: Search): Promise<Page> {
  const { sql, values } = allOf(conditionsOf(search))
  const { rows } = await db.query<ListingRow & { published_micros: string }>({
    // Without a name it is planned for its values: a rare word needs another index than a common one.
    text: `SELECT ${columns},
                  (extract(epoch FROM published_at) * 1000000)::bigint AS published_micros
           FROM listings WHERE ${sql}
           ORDER BY published_at DESC, listing_id DESC
           LIMIT $${values.length + 1}`,
    values: [...values, search.limit + 1],
  })
  const page = rows.slice(0, search.limit)
  const last = rows.length > search.limit ? page.at(-1) : undefined
  return {
    listings: page.map(toListing),
    nextAfter: last && { publishedMicros: last.published_micros, listingId: last.listing_id },
  }
}

function conditionsOf(search: Search): Condition[] {
  const { terms, after } = search
  const isBehind = `(published_at, listing_id)
    < (timestamptz 'epoch' + ?::bigint * interval '1 microsecond', ?)`
  return [
    { sql: "status = 'live'", values: [] },
    ...when(terms && termsQuery(terms), 'search @@ ?::tsquery'),
    ...when(search.area, "area IN (?, 'worldwide')"),
    ...when(search.seniority, 'seniority = ?'),
    ...when(search.salaryAtLeastEurPerYear, 'salary_max_eur >= ?'),
    ...(after ? [{ sql: isBehind, values: [after.publishedMicros, after.listingId] }] : []),
  ]
}

function toListing(row: ListingRow): Listing {
  return {
    listingId: row.listing_id,
    tenantId: row.tenant_id,
    title: row.title,
    company: row.company,
    description: row.description,
    area: row.area,
    seniority: row.seniority,
    salaryMinEurPerYear: row.salary_min_eur,
    salaryMaxEurPerYear: row.salary_max_eur,
    status: row.status,
    version: row.version,
    createdAt: row.created_at,
    publishedAt: row.published_at,
  }
}
