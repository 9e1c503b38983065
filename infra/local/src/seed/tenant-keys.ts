import { type Scope, serviceScopes } from '@nightshift/contracts/scopes'
import { makeApiKey } from '@nightshift/runtime/http/api-keys'
import type pg from 'pg'
import { withDatabase } from '../prepare/database-admin.ts'
import { type KeyedService, keyedServices } from '../system/secrets.ts'
import { storeApiKey } from './store-api-key.ts'

/** The databases with the right to write `api_keys`, and the pepper of each service. */
export type KeyTables = Readonly<Record<KeyedService, KeyTable>>
type KeyTable = Readonly<{ url: string; pepper: string }>

/** `full`: two keys are in use already. */
export type Issued = { kind: 'issued'; key: string } | { kind: 'full' }

export type KeyRequest = Readonly<{
  tenantId: string
  scopes: readonly Scope[]
  expiresAt?: Date | undefined
}>

/**
 * Makes a key and stores its hash in every service that will check it. The key is in the answer and
 * nowhere else. When the tenant has two keys in use already, or a database is down, none is made.
 */
export async function issueKey(tables: KeyTables, request: KeyRequest): Promise<Issued> {
  const key = makeApiKey()
  const { payments, listings } = tables
  return withDatabase(payments.url, paymentsClient =>
    withDatabase(listings.url, async listingsClient => {
      const clients = { payments: paymentsClient, listings: listingsClient }
      for (const service of keyedServices) {
        await clients[service].query('BEGIN')
        const stored = await storeApiKey(clients[service], tables[service].pepper, {
          key,
          ...request,
        })
        // Closing the connections rolls the transactions back.
        if (stored !== 'stored') return { kind: 'full' }
      }
      // A crash between the two commits leaves a key in one table that was never shown.
      for (const service of keyedServices) await clients[service].query('COMMIT')
      return { kind: 'issued', key }
    }),
  )
}

/** Makes the next key by which listings calls payments. No other service accepts it. */
export async function issueServiceKey(
  { url, pepper }: KeyTable,
  expiresAt?: Date,
): Promise<Issued> {
  const key = makeApiKey()
  const request = { key, tenantId: null, scopes: serviceScopes, expiresAt }
  const stored = await withDatabase(url, client => storeApiKey(client, pepper, request))
  return stored === 'stored' ? { kind: 'issued', key } : { kind: 'full' }
}

/** Revokes a key in every table. Answers the services in which it was in use until now. */
export async function revokeKey(tables: KeyTables, keyId: string): Promise<KeyedService[]> {
  const revoked = await inEachTable(tables, client =>
    client.query(
      'UPDATE api_keys SET revoked_at = now() WHERE key_id = $1 AND revoked_at IS NULL',
      [keyId],
    ),
  )
  return revoked.filter(({ found }) => found.rowCount === 1).map(({ service }) => service)
}

export type ListedKey = Readonly<{
  keyId: string
  last4: string
  /** Null for a service. */
  tenantId: string | null
  scopes: readonly string[]
  createdAt: Date
  expiresAt: Date | null
  revokedAt: Date | null
  services: readonly KeyedService[]
}>

/** Every key that was ever issued, oldest first. */
export async function listKeys(tables: KeyTables): Promise<ListedKey[]> {
  const lists = await inEachTable(tables, client =>
    client.query<Omit<ListedKey, 'services'>>(
      `SELECT key_id AS "keyId", last4, tenant_id AS "tenantId", scopes, created_at AS "createdAt",
              expires_at AS "expiresAt", revoked_at AS "revokedAt"
       FROM api_keys ORDER BY created_at, key_id`,
    ),
  )
  const keys = new Map<string, ListedKey>()
  for (const { service, found } of lists) {
    for (const row of found.rows) {
      const known = keys.get(row.keyId)
      keys.set(row.keyId, { ...row, ...known, services: [...(known?.services ?? []), service] })
    }
  }
  return [...keys.values()]
}

function inEachTable<T>(tables: KeyTables, work: (client: pg.Client) => Promise<T>) {
  return Promise.all(
    keyedServices.map(async service => {
      return { service, found: await withDatabase(tables[service].url, work) }
    }),
  )
}
