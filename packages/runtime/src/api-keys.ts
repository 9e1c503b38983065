import { createHash, timingSafeEqual } from 'node:crypto'
import type { Queryable } from './postgres.ts'

/** Who is calling. A service acts for the tenant that it names; an employer only for itself. */
export type Principal = { kind: 'employer' | 'service'; tenantId: string }

/** Names the tenant for whom a service acts. Ignored unless the key is a service's. */
export const tenantHeader = 'nightshift-tenant'

const keyForm = /^Bearer ns_test_([0-9a-f]{8})_([A-Za-z0-9_-]{43})$/
const tenantForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * What is stored of a key. The secret has 256 random bits, so a fast hash is enough: there is
 * nothing to guess, and a leaked table gives nobody a key.
 */
export function hashApiSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** Splits a key into its public id and its secret, for whoever has to store one. */
export function splitApiKey(key: string): { keyId: string; secret: string } {
  const match = keyForm.exec(`Bearer ${key}`)
  if (!match?.[1] || !match[2]) throw new Error('not an API key of the form ns_test_<id>_<secret>')
  return { keyId: match[1], secret: match[2] }
}

/** Answers who the bearer of an `Authorization` header is, or undefined: unknown, malformed, revoked. */
export async function findPrincipal(
  db: Queryable,
  authorization: string | undefined,
  actsForTenant: string | string[] | undefined,
): Promise<Principal | undefined> {
  const match = authorization === undefined ? null : keyForm.exec(authorization)
  if (!match?.[1] || !match[2]) return undefined
  const { rows } = await db.query<{ tenant_id: string | null; secret_hash: Buffer }>({
    name: 'find_api_key',
    text: 'SELECT tenant_id, secret_hash FROM api_keys WHERE key_id = $1 AND revoked_at IS NULL',
    values: [match[1]],
  })
  const key = rows[0]
  if (!key || !timingSafeEqual(key.secret_hash, hashApiSecret(match[2]))) return undefined
  if (key.tenant_id !== null) return { kind: 'employer', tenantId: key.tenant_id }
  if (typeof actsForTenant !== 'string' || !tenantForm.test(actsForTenant)) return undefined
  return { kind: 'service', tenantId: actsForTenant }
}
