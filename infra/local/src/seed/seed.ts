import { setTimeout as sleep } from 'node:timers/promises'
import type { SaveAlertRequest } from '@nightshift/contracts/notifications-http'
import { scopes, serviceScopes } from '@nightshift/contracts/scopes'
import { termsOfListing } from '@nightshift/contracts/search-terms'
import pMap from 'p-map'
import type pg from 'pg'
import { withDatabase } from '../prepare/database-admin.ts'
import { type KeyedService, keyedServices, type Secrets } from '../system/secrets.ts'
import { confirmAddress } from './confirm-address.ts'
import {
  type SeedListing,
  seedAlerts,
  seedListingsOf,
  seedTenants as tenants,
} from './seed-data.ts'
import { type NewApiKey, storeApiKey } from './store-api-key.ts'

const requestDeadlineMs = 15_000
const publishAttemptsMax = 20
const publishAttemptPauseMs = 250
const publishersMax = 4

/**
 * Stores the hashes of the employers' API keys where they are used, and the key that listings shows
 * to payments. Idempotent: a key that is stored already stays as it is, revoked or not.
 * @param urls connection strings with the right to write `api_keys`; the services' roles have none
 */
export async function seedTenants({
  urls,
  secrets,
}: {
  urls: Readonly<Record<KeyedService, string>>
  secrets: Pick<Secrets, 'apiKeys' | 'paymentsServiceKey' | 'apiKeyPeppers'>
}): Promise<void> {
  const { apiKeys, apiKeyPeppers, paymentsServiceKey } = secrets
  const employers = tenants.flatMap(({ name, tenantId }): NewApiKey[] => {
    const key = apiKeys[name]
    return key === undefined ? [] : [{ key, tenantId, scopes }]
  })
  const service: NewApiKey = { key: paymentsServiceKey, tenantId: null, scopes: serviceScopes }
  const keys = { payments: [...employers, service], listings: employers }
  await Promise.all(
    keyedServices.map(name =>
      withDatabase(urls[name], async client => {
        for (const key of keys[name]) await storeApiKey(client, apiKeyPeppers[name], key)
      }),
    ),
  )
}

export type SeedListingsOptions = {
  /** Admin connection string of the listings database: drafts are written with ids of their own. */
  listingsDatabaseUrl: string
  listingsUrl: string
  /** Admin connection string, to see which addresses still have to be confirmed. */
  notificationsDatabaseUrl: string
  notificationsUrl: string
  mailboxUrl: string
  apiKeys: Secrets['apiKeys']
}

/**
 * Fills the job board: saved alerts, drafts, and most of the drafts published through the API, so
 * that every live listing was really paid for. Idempotent: the ids and idempotency keys are fixed,
 * so a second run finds what is there and adds what a crash left out.
 * @returns how many listings are paid for
 */
export async function seedListings(options: SeedListingsOptions): Promise<{ published: number }> {
  const listings = seedListingsOf(tenants)
  await Promise.all(seedAlerts.map(alert => saveAlert(options.notificationsUrl, alert)))
  for (const email of await unconfirmed(options.notificationsDatabaseUrl)) {
    await confirmAddress(options.mailboxUrl, email)
  }
  await withDatabase(options.listingsDatabaseUrl, async client => {
    for (const listing of listings) await insertDraft(client, listing)
  })
  const live = listings.filter(listing => listing.live)
  await pMap(live, listing => publish(options, listing), { concurrency: publishersMax })
  return { published: live.length }
}

async function insertDraft(client: pg.Client, { listingId, tenant, request }: SeedListing) {
  await client.query(
    `INSERT INTO listings (listing_id, tenant_id, title, company, description, area, seniority,
       salary_min_eur, salary_max_eur, search)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, array_to_tsvector($10::text[]))
     ON CONFLICT (listing_id) DO NOTHING`,
    [
      listingId,
      tenant.tenantId,
      request.title,
      request.company,
      request.description,
      request.area,
      request.seniority,
      request.salaryMinEurPerYear,
      request.salaryMaxEurPerYear,
      termsOfListing(request),
    ],
  )
}

async function saveAlert(notificationsUrl: string, alert: SaveAlertRequest): Promise<void> {
  const answer = await fetch(`${notificationsUrl}/v1/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(alert),
    signal: AbortSignal.timeout(requestDeadlineMs),
  })
  if (answer.status !== 201) throw new Error(`an alert was refused: ${await answer.text()}`)
}

/** Leaves out addresses that were unsubscribed: no candidate is asked again after that. */
async function unconfirmed(databaseUrl: string): Promise<string[]> {
  return withDatabase(databaseUrl, async client => {
    const { rows } = await client.query<{ address: string }>(
      `SELECT address FROM addresses
       WHERE address = ANY ($1) AND confirmed_at IS NULL AND unsubscribed_at IS NULL`,
      [seedAlerts.map(({ email }) => email)],
    )
    return rows.map(({ address }) => address)
  })
}

/** Each attempt has the same key, so a second success is a replay of the first. */
async function publish(options: SeedListingsOptions, listing: SeedListing): Promise<void> {
  const { listingId, idempotencyKey, tenant } = listing
  let last = ''
  for (let attempt = 0; attempt < publishAttemptsMax; attempt += 1) {
    const answer = await fetch(`${options.listingsUrl}/v1/listings/${listingId}/publish`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${options.apiKeys[tenant.name]}`,
        'content-type': 'application/json',
        'idempotency-key': idempotencyKey,
      },
      body: JSON.stringify({ plan: 'basic', cardToken: 'pm_card_visa' }),
      signal: AbortSignal.timeout(requestDeadlineMs),
    })
    last = await answer.text()
    if (answer.status === 201) return
    if (answer.status !== 202 && answer.status !== 409 && answer.status !== 503) break
    await sleep(publishAttemptPauseMs)
  }
  throw new Error(`seed listing ${listingId} could not be published: ${last}`)
}
