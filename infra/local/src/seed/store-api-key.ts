import type { Scope } from '@nightshift/contracts/scopes'
import { apiKeyIdOf, hashApiKey, readPeppers } from '@nightshift/runtime/http/api-keys'
import type pg from 'pg'

export type NewApiKey = Readonly<{
  key: string
  /** Null for a service, which names the tenant that it acts for. */
  tenantId: string | null
  scopes: readonly Scope[]
  expiresAt?: Date | undefined
}>

/** `full`: the tenant has two keys in use already, which is the limit. */
export type StoredApiKey = 'stored' | 'there' | 'full'

/**
 * Stores the hash of a key and not the key. Two keys may be in use at a time, so that the next can be
 * handed out before the last is revoked; an index of the table enforces the limit.
 * @param client with the right to write `api_keys`; the services' roles have none
 * @param setting the peppers of the service that owns the table; the newest one is used
 */
export async function storeApiKey(
  client: pg.ClientBase,
  setting: string,
  { key, tenantId, scopes, expiresAt }: NewApiKey,
): Promise<StoredApiKey> {
  const keyId = apiKeyIdOf(key)
  if (keyId === undefined) {
    throw new Error('an API key has the form ns_test_<id>_<secret>_<checksum>; this one has not')
  }
  const { rowCount } = await client.query(
    `INSERT INTO api_keys (key_id, tenant_id, secret_hash, last4, scopes, expires_at, slot)
     SELECT $1, $2::uuid, $3, $4, $5, $6::timestamptz, slot
     FROM generate_series(1, 2) AS slot
     WHERE NOT EXISTS (SELECT FROM api_keys AS other
                       WHERE other.tenant_id IS NOT DISTINCT FROM $2::uuid
                         AND other.slot = slot.slot AND other.revoked_at IS NULL)
     ORDER BY slot LIMIT 1
     ON CONFLICT (key_id) DO NOTHING`,
    [
      keyId,
      tenantId,
      hashApiKey(key, readPeppers(setting)[0]),
      key.slice(-4),
      scopes,
      expiresAt ?? null,
    ],
  )
  if (rowCount === 1) return 'stored'
  const found = await client.query('SELECT FROM api_keys WHERE key_id = $1', [keyId])
  return found.rowCount === 1 ? 'there' : 'full'
}
