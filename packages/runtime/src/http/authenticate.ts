import { hash, timingSafeEqual } from 'node:crypto'
import type { Queryable } from '../postgres/postgres.ts'
import { type TurnLimits, takeTurns } from '../process/turns.ts'
import { apiKeyIdOf, hashApiKey, type Peppers } from './api-keys.ts'

/** The caller and its tenant. A service names the tenant that it acts for. */
export type Principal = {
  tenantId: string
  keyId: string
  scopes: readonly string[]
  /** The key belongs to a service of ours, which acts for the tenant. */
  isService?: true
}

/** Answers the principal of an `Authorization` header, or undefined without a reason. */
export type Authenticate = (
  authorization: string | undefined,
  actsForTenant: string | string[] | undefined,
) => Promise<Principal | undefined>

export type ApiKeyLimits = {
  /** How long a key that was revoked may still be accepted. */
  cacheMs: number
  cachedMax: number
  /** How long a refused key is refused again without a look, also if it was issued since. */
  refusedMs: number
  refusedMax: number
  /** Looks for keys that are not known to be good, made-up ones among them. */
  looks: TurnLimits
}

type ApiKey = {
  keyId: string
  /** Null for a service. */
  tenantId: string | null
  scopes: readonly string[]
  /** The time of `performance.now()` until which it needs no other look. */
  goodUntilMs: number
}

const tenantForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** The name of a scheme is case-insensitive, and blanks follow it (RFC 9110, 11.1 and 11.4). */
const bearer = /^bearer +([^ ]+)$/i
/** Unknown keys are compared with this, so that they take as long as known ones. */
const noHash = Buffer.alloc(32)

/**
 * Finds the holders of API keys in the table `api_keys`. A text that can't be a key is refused without
 * a look. Any other refusal costs one look, whether the key is unknown, wrong, revoked or expired, so
 * their times reveal nothing. The same key within `refusedMs` costs none, and that reveals only that
 * it was tried before.
 *
 * Good and refused keys are cached apart, by the hash of the whole key: a flood of made-up keys evicts
 * no good one, and a guess at a known id is no faster than at an unknown one. Looks for unknown keys
 * take turns, so that a flood of them leaves connections to other work. A key that was good at its
 * last look does not wait among them.
 * @param peppers the newest first, each of at least 32 random bytes that the database does not know
 * @returns a function that throws what the database throws, and `NoTurn` while too many unknown keys
 *   are looked for: neither lets a caller in
 */
export function authenticateBy(
  db: Queryable,
  peppers: Peppers,
  limits: ApiKeyLimits,
): Authenticate {
  /** Expired entries stay: they are looked for again without waiting. */
  const good = new Map<string, ApiKey>()
  /** The time of `performance.now()` until which each key is refused. */
  const refused = new Map<string, number>()
  const looking = new Map<string, Promise<ApiKey | undefined>>()
  const turns = takeTurns(limits.looks)

  const look = async (keyId: string, text: string, hashText: string) => {
    const askedAtMs = performance.now()
    const hashes = peppers.map(pepper => hashApiKey(text, pepper))
    const find = () => findApiKey(db, keyId, hashes, limits.cacheMs)
    const key = good.has(hashText) ? await find() : await turns(find)
    good.delete(hashText)
    refused.delete(hashText)
    if (key === undefined) keep(refused, hashText, askedAtMs + limits.refusedMs, limits.refusedMax)
    else if (limits.cacheMs > 0) keep(good, hashText, key, limits.cachedMax)
    return key
  }

  return async (authorization, actsForTenant) => {
    const text = bearer.exec(authorization ?? '')?.[1] ?? ''
    const keyId = apiKeyIdOf(text)
    if (keyId === undefined) return undefined
    const hashText = nameInCaches(text)
    const known = good.get(hashText)
    if (known !== undefined && performance.now() < known.goodUntilMs) {
      return principalOf(known, actsForTenant)
    }
    if (performance.now() < (refused.get(hashText) ?? 0)) return undefined
    // Concurrent requests with the same key share one look.
    let found = looking.get(hashText)
    if (found === undefined) {
      found = look(keyId, text, hashText).finally(() => looking.delete(hashText))
      looking.set(hashText, found)
    }
    const key = await found
    return key && principalOf(key, actsForTenant)
  }
}

/**
 * The name of a key in the caches of this process. Every request needs one, and an HMAC takes three times
 * as long; it is compared with no stored hash.
 */
function nameInCaches(key: string): string {
  return hash('sha256', key, 'base64')
}

/** Adds an entry. In a full map the oldest one makes room. */
function keep<T>(map: Map<string, T>, name: string, value: T, countMax: number): void {
  const [oldest] = map.keys()
  if (map.size >= countMax && oldest !== undefined) map.delete(oldest)
  map.set(name, value)
}

/** One look at the table. The time is the database's: one clock says when a key expires. */
async function findApiKey(
  db: Queryable,
  keyId: string,
  hashes: readonly Buffer[],
  cacheMs: number,
): Promise<ApiKey | undefined> {
  const askedAtMs = performance.now()
  const { rows } = await db.query<{
    tenant_id: string | null
    secret_hash: Buffer
    scopes: string[]
    left_ms: number | null
  }>({
    name: 'find_api_key',
    text: `SELECT tenant_id, secret_hash, scopes,
                  (extract(epoch FROM expires_at - now()) * 1000)::float8 AS left_ms
           FROM api_keys
           WHERE key_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`,
    values: [keyId],
  })
  const [row] = rows
  // Each is compared, so that the time does not reveal with which pepper a key was stored.
  const compared = hashes.map(hash => timingSafeEqual(row?.secret_hash ?? noHash, hash))
  const isRight = compared.includes(true)
  if (row === undefined || !isRight) return undefined
  const goodForMs = Math.min(cacheMs, row.left_ms ?? cacheMs)
  const { tenant_id: tenantId, scopes } = row
  return { keyId, tenantId, scopes, goodUntilMs: askedAtMs + goodForMs }
}

function principalOf(
  { keyId, tenantId, scopes }: ApiKey,
  actsForTenant: string | string[] | undefined,
): Principal | undefined {
  if (tenantId !== null) return { tenantId, keyId, scopes }
  if (typeof actsForTenant !== 'string' || !tenantForm.test(actsForTenant)) return undefined
  return { tenantId: actsForTenant, keyId, scopes, isService: true }
}
