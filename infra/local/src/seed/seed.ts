import type { SaveAlertRequest } from '@nightshift/contracts/notifications-http'
import { type Scope, scopes } from '@nightshift/contracts/scopes'
import { termsOfListing } from '@nightshift/contracts/search-terms'
import pg from 'pg'
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
const publishersMax = 4

/** What a service may do that acts for an employer: take payments, and ask about them. */
const serviceScopes: readonly Scope[] = ['payments:write', 'payments:read']

/**
 * Stores the hashes of the employers' API keys where they are used, and the key that listings shows
 * to payments. Repeatable: a key that is there stays as it is, revoked or not.
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
      withClient(urls[name], async client => {
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
 * Fills the board: saved alerts, drafts, and most of the drafts published through the front listener, so
 * that every listing that can be seen was really paid for. Repeatable: the ids and idempotency keys
 * are fixed, so what is there is found and what a crash left out is added.
 * @returns how many listings are paid for
 */
export async function seedListings(options: SeedListingsOptions): Promise<{ published: number }> {
  const listings = seedListingsOf(tenants)
  await Promise.all(seedAlerts.map(alert => saveAlert(options.notificationsUrl, alert)))
  for (const email of await unconfirmed(options.notificationsDatabaseUrl)) {
    await confirmAddress(options.mailboxUrl, email)
  }
  await withClient(options.listingsDatabaseUrl, async client => {
    for (const listing of listings) await insertDraft(client, listing)
  })
  const queue = listings.filter(listing => listing.live).values()
  let published = 0
  const publisher = async () => {
    for (const listing of queue) {
      await publish(options, listing)
      published += 1
    }
  }
  await Promise.all(Array.from({ length: publishersMax }, publisher))
  return { published }
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

/** Not those that were unsubscribed: a candidate of the demonstration is not asked again either. */
async function unconfirmed(databaseUrl: string): Promise<string[]> {
  const found: string[] = []
  await withClient(databaseUrl, async client => {
    const { rows } = await client.query<{ address: string }>(
      `SELECT address FROM addresses
       WHERE address = ANY ($1) AND confirmed_at IS NULL AND unsubscribed_at IS NULL`,
      [seedAlerts.map(({ email }) => email)],
    )
    found.push(...rows.map(({ address }) => address))
  })
  return found
}

/** The same key each time, so an attempt too many is a replay. */
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
    await new Promise(resolve => setTimeout(resolve, 250))
  }
  throw new Error(`seed listing ${listingId} could not be published: ${last}`)
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: requestDeadlineMs,
  })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
