import { timingSafeEqual } from 'node:crypto'
import type { Queryable } from '../postgres/postgres.ts'
import { type TurnLimits, takeTurns } from '../process/turns.ts'
import { apiKeyIdOf, hashApiKey } from './api-keys.ts'

/** Who is calling, and for which tenant. A service names the tenant that it acts for. */
export type Principal = {
  tenantId: string
  keyId: string
  scopes: readonly string[]
}

/** Answers who the bearer of an `Authorization` header is, or undefined, and never why. */
export type Authenticate = (
  authorization: string | undefined,
  actsForTenant: string | string[] | undefined,
) => Promise<Principal | undefined>

export type ApiKeyLimits = {
  /** How long a key that was revoked may still be accepted. */
  cacheMs: number
  cachedMax: number
  /** How long a key that was refused is refused again without a look: also one that was issued since. */
  refusedMs: number
  refusedMax: number
  /** Looks for keys that were not found good lately, made-up ones among them. */
  looks: TurnLimits
}

type ApiKey = {
  keyId: string
  /** Null for a service. */
  tenantId: string | null
  scopes: readonly string[]
  /** Until when it needs no other look: a time of `performance.now()`. */
  goodUntilMs: number
}

const tenantForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** The name of a scheme is case-insensitive, and blanks follow it (RFC 9110, 11.1 and 11.4). */
const bearer = /^bearer +([^ ]+)$/i
/** Compared with when there is nothing to compare with, so that it takes as long. */
const nobody = Buffer.alloc(32)

/**
 * Knows the holders of API keys by the table `api_keys`. What can't be a key is refused without a
 * look at it. Any other refusal costs one look, whether the key is unknown, wrong, revoked or
 * expired, so their times tell nothing apart. The same key again within `refusedMs` costs none, and
 * that tells only who asked before.
 *
 * Good keys and refused ones are remembered apart, and by the hash of the whole key: a flood of
 * made-up ones pushes no good one out, and a guess at a known id is no faster than at an unknown one.
 * Looks for unknown keys take turns, so that a flood of them leaves connections to others. A key that
 * was good at its last look does not wait among them.
 * @param pepper at least 32 random bytes that the database does not know
 * @returns a function that throws what the database throws, and `NoTurn` while too many unknown keys
 * are looked for: nobody comes in because of either
 */
export function authenticateBy(db: Queryable, pepper: string, limits: ApiKeyLimits): Authenticate {
  /** Also those whose time is over: they are looked for again without waiting. */
  const good = new Map<string, ApiKey>()
  /** With the time of `performance.now()` until when each is refused. */
  const refused = new Map<string, number>()
  const looking = new Map<string, Promise<ApiKey | undefined>>()
  const turns = takeTurns(limits.looks)

  const look = async (keyId: string, hash: Buffer, hashText: string) => {
    const askedAtMs = performance.now()
    const find = () => findApiKey(db, keyId, hash, limits.cacheMs)
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
    const hash = hashApiKey(text, pepper)
    const hashText = hash.toString('base64')
    const known = good.get(hashText)
    if (known !== undefined && performance.now() < known.goodUntilMs) {
      return principalOf(known, actsForTenant)
    }
    if (performance.now() < (refused.get(hashText) ?? 0)) return undefined
    // Those who ask for the same key at once share one look.
    let found = looking.get(hashText)
    if (found === undefined) {
      found = look(keyId, hash, hashText).finally(() => looking.delete(hashText))
      looking.set(hashText, found)
    }
    const key = await found
    return key && principalOf(key, actsForTenant)
  }
}

/** The oldest makes room. */
function keep<T>(map: Map<string, T>, name: string, value: T, countMax: number): void {
  const [oldest] = map.keys()
  if (map.size >= countMax && oldest !== undefined) map.delete(oldest)
  map.set(name, value)
}

/** One look at the table. The time is the database's: one clock says when a key expires. */
async function findApiKey(
  db: Queryable,
  keyId: string,
  hash: Buffer,
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
  const isRight = timingSafeEqual(row?.secret_hash ?? nobody, hash)
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
  return { tenantId: actsForTenant, keyId, scopes }
}
