import type { SaveAlertRequest } from '@nightshift/contracts/notifications-http'
import { hashApiSecret, splitApiKey } from '@nightshift/runtime/api-keys'
import pg from 'pg'
import type { Secrets } from './secrets.ts'
import {
  type SeedListing,
  seedAlerts,
  seedListingsOf,
  seedTenants as tenants,
} from './seed-data.ts'

const requestDeadlineMs = 15_000
const publishAttemptsMax = 20
const publishersMax = 4

/**
 * Stores the hashes of the employers' API keys where they are used, and the key that listings shows
 * to payments. Repeatable.
 * @param urls connection strings with the right to write `api_keys`; the services' roles have none
 */
export async function seedTenants(urls: {
  paymentsUrl: string
  listingsUrl: string
  secrets: Pick<Secrets, 'apiKeys' | 'paymentsServiceKey'>
}): Promise<void> {
  const { apiKeys, paymentsServiceKey } = urls.secrets
  const employers = tenants.flatMap(({ name, tenantId }) => {
    const key = apiKeys[name]
    return key === undefined ? [] : [{ key, tenantId }]
  })
  const service = { key: paymentsServiceKey, tenantId: null }
  await Promise.all([
    storeKeys(urls.paymentsUrl, [...employers, service]),
    storeKeys(urls.listingsUrl, employers),
  ])
}

async function storeKeys(url: string, keys: { key: string; tenantId: string | null }[]) {
  await withClient(url, async client => {
    for (const { key, tenantId } of keys) {
      const { keyId, secret } = splitApiKey(key)
      await client.query(
        `INSERT INTO api_keys (key_id, tenant_id, secret_hash) VALUES ($1, $2, $3)
         ON CONFLICT (key_id) DO NOTHING`,
        [keyId, tenantId, hashApiSecret(secret)],
      )
    }
  })
}

export type SeedListingsOptions = {
  /** Admin connection string of the listings database: drafts are written with ids of their own. */
  listingsDatabaseUrl: string
  listingsUrl: string
  notificationsUrl: string
  apiKeys: Secrets['apiKeys']
}

/**
 * Fills the board: saved alerts, drafts, and most of the drafts published through the front door, so
 * that every listing that can be seen was really paid for. Repeatable: the ids and idempotency keys
 * are fixed, so what is there is found and what a crash left out is added.
 * @returns how many listings are paid for
 */
export async function seedListings(options: SeedListingsOptions): Promise<{ published: number }> {
  const listings = seedListingsOf(tenants)
  await Promise.all(seedAlerts.map(alert => saveAlert(options.notificationsUrl, alert)))
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
       salary_min_eur, salary_max_eur)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (listing_id) DO NOTHING`,
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
