import { DraftListingRequest } from '@nightshift/contracts/listings-http'
import { SaveAlertRequest } from '@nightshift/contracts/notifications-http'
import Value from 'typebox/value'
import { expect, test } from 'vitest'
import { seedAlerts, seedListingsOf, seedTenants } from './seed-data.ts'

const listings = seedListingsOf(seedTenants)

test('the seed holds forty listings, of which 37 go live', () => {
  expect(listings).toHaveLength(40)
  expect(listings.filter(listing => listing.live)).toHaveLength(37)
})

test('ids and idempotency keys are unique and the same each time', () => {
  expect(new Set(listings.map(listing => listing.listingId)).size).toBe(40)
  expect(new Set(listings.map(listing => listing.idempotencyKey)).size).toBe(40)
  expect(seedListingsOf(seedTenants)).toEqual(listings)
})

test('rows that are written past the API would have passed its schemas', () => {
  for (const { request } of listings) {
    expect(Value.Check(DraftListingRequest, request)).toBe(true)
    expect(request.salaryMinEurPerYear).toBeLessThanOrEqual(request.salaryMaxEurPerYear)
  }
  for (const alert of seedAlerts) expect(Value.Check(SaveAlertRequest, alert)).toBe(true)
})
