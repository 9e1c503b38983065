import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Scope } from '@nightshift/contracts/scopes'
import { eventually } from '@nightshift/load-tests/harness/test-client'
import { storeApiKey } from '@nightshift/local/seed/store-api-key'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { apiKeyIdOf, makeApiKey, readPeppers } from '../src/http/api-keys.ts'
import { type ApiKeyLimits, type Authenticate, authenticateBy } from '../src/http/authenticate.ts'
import { migrate } from '../src/postgres/migrate.ts'
import type { Queryable } from '../src/postgres/postgres.ts'
import { NoTurn } from '../src/process/turns.ts'
import { type FreshDatabase, openFreshDatabase } from './fresh-database.ts'

const migrations = join(import.meta.dirname, '../../../services/listings/migrations')
const pepper = 'pepper'.repeat(8)
const otherPepper = 'another'.repeat(8)
const scopes: Scope[] = ['listings:read', 'listings:write']
const minuteMs = 60_000
/** What is remembered of a key is what most of these tests are not about. */
const limitsOf = (change: Partial<ApiKeyLimits> = {}): ApiKeyLimits => ({
  cacheMs: minuteMs,
  cachedMax: 10,
  refusedMs: minuteMs,
  refusedMax: 10,
  looks: { atWorkMax: 2, waitingMax: 400, waitMs: 5_000 },
  ...change,
})

let database: FreshDatabase
let pool: pg.Pool
/** The same pool, and how often it was asked. */
let looks = 0
let db: Queryable

beforeAll(async () => {
  database = await openFreshDatabase(inject('parts').postgresUrl)
  await migrate(database.url, migrations)
  pool = new pg.Pool({ connectionString: database.url, max: 2 })
  const query = (...args: unknown[]) => {
    looks += 1
    return Reflect.apply(pool.query, pool, args)
  }
  db = { query: query as Queryable['query'] }
})
afterAll(async () => {
  await pool.end()
  await database[Symbol.asyncDispose]()
})
beforeEach(() => {
  looks = 0
})

const bearer = (key: string) => `Bearer ${key}`

/** Stores a new key of a new tenant, or of this one. */
async function store(
  change: { tenantId?: string | null; expiresAt?: Date; peppers?: string } = {},
) {
  const key = makeApiKey()
  const tenantId = change.tenantId === undefined ? randomUUID() : change.tenantId
  const client = await pool.connect()
  try {
    const { peppers = pepper, expiresAt } = change
    const stored = await storeApiKey(client, peppers, { expiresAt, key, tenantId, scopes })
    return { key, keyId: apiKeyIdOf(key) ?? '', tenantId: tenantId ?? '', stored }
  } finally {
    client.release()
  }
}

function revoke(keyId: string) {
  return pool.query('UPDATE api_keys SET revoked_at = now() WHERE key_id = $1', [keyId])
}

function backDate(keyId: string) {
  return pool.query(
    `UPDATE api_keys SET expires_at = now() - interval '1 millisecond' WHERE key_id = $1`,
    [keyId],
  )
}

describe('a caller', () => {
  test('with a key of a tenant acts for that tenant, whatever else it names', async () => {
    const { key, keyId, tenantId } = await store()
    const authenticate = authenticateBy(db, [pepper], limitsOf({ cacheMs: 0, cachedMax: 1 }))
    const principal = { tenantId, keyId, scopes }
    expect(await authenticate(bearer(key), undefined)).toEqual(principal)
    expect(await authenticate(bearer(key), randomUUID())).toEqual(principal)
  })

  test('with a key of a service acts for the one tenant that it names', async () => {
    const { key } = await store({ tenantId: null })
    const authenticate = authenticateBy(db, [pepper], limitsOf())
    for (const tenantId of [randomUUID(), randomUUID()]) {
      const principal = { tenantId, isService: true }
      expect(await authenticate(bearer(key), tenantId)).toMatchObject(principal)
    }
    for (const tenant of [undefined, '', 'acme', [randomUUID()], randomUUID().toUpperCase()]) {
      expect(await authenticate(bearer(key), tenant)).toBeUndefined()
    }
  })

  test('with a key that was hashed with another pepper is refused', async () => {
    const { key } = await store()
    const authenticate = authenticateBy(db, [otherPepper], limitsOf())
    expect(await authenticate(bearer(key), undefined)).toBeUndefined()
  })

  test('keeps its access through a rotation of the pepper, until the older one is gone', async () => {
    const old = await store()
    const both = `${otherPepper},${pepper}`
    const next = await store({ peppers: both })
    const during = authenticateBy(db, readPeppers(both), limitsOf())
    for (const { key, keyId } of [old, next, old, next]) {
      expect(await during(bearer(key), undefined)).toMatchObject({ keyId })
    }
    expect(looks).toBe(2)
    const after = authenticateBy(db, [otherPepper], limitsOf())
    expect(await after(bearer(next.key), undefined)).toMatchObject({ keyId: next.keyId })
    expect(await after(bearer(old.key), undefined)).toBeUndefined()
    const before = authenticateBy(db, [pepper], limitsOf())
    expect(await before(bearer(next.key), undefined)).toBeUndefined()
  })

  test('is not let in because the database is away', async () => {
    const { key } = await store()
    const away = new pg.Pool({ connectionString: database.url })
    await away.end()
    const authenticate = authenticateBy(away, [pepper], limitsOf())
    await expect(authenticate(bearer(key), undefined)).rejects.toThrow()
  })
})

describe('a refusal reveals nothing', () => {
  test('a text that can not be a key costs no look', async () => {
    const { key } = await store()
    looks = 0
    const authenticate = authenticateBy(db, [pepper], limitsOf())
    const texts = [undefined, '', key, `Basic ${key}`, bearer(key.slice(0, -1)), bearer(`${key}0`)]
    for (const text of texts) expect(await authenticate(text, undefined)).toBeUndefined()
    expect(looks).toBe(0)
  })

  test('the name of the scheme is of any case, and blanks may follow it', async () => {
    // RFC 9110, 11.1.
    const { key } = await store()
    const authenticate = authenticateBy(db, [pepper], limitsOf())
    for (const scheme of ['bearer ', 'BEARER ', 'bEaReR   ']) {
      expect(await authenticate(`${scheme}${key}`, undefined)).toBeDefined()
    }
    for (const text of [`Bearer${key}`, `Bearer\t${key}`, `Bearer  ${key} x`, `${bearer(key)},`]) {
      expect(await authenticate(text, undefined)).toBeUndefined()
    }
  })

  test('an unknown, wrong, revoked or expired key costs one look, and none the next time', async () => {
    const [known, revoked, expired] = [await store(), await store(), await store()]
    await revoke(revoked.keyId)
    await backDate(expired.keyId)
    const authenticate = authenticateBy(db, [pepper], limitsOf())
    expect(await authenticate(bearer(known.key), undefined)).toBeDefined()
    const guess = makeApiKey(known.keyId)
    for (const key of [makeApiKey(), guess, revoked.key, expired.key]) {
      looks = 0
      const askers = Array.from({ length: 5 }, () => authenticate(bearer(key), undefined))
      expect(await Promise.all(askers)).toEqual(Array(5).fill(undefined))
      expect(await authenticate(bearer(key), undefined)).toBeUndefined()
      expect(looks).toBe(1)
    }
  })
})

describe('the cache of keys', () => {
  test('a good key is looked up once in a while, not for each request', async () => {
    const { key } = await store()
    looks = 0
    const authenticate = authenticateBy(db, [pepper], limitsOf())
    for (let times = 0; times < 5; times += 1) await authenticate(bearer(key), undefined)
    expect(looks).toBe(1)
  })

  test('a key that was tried before it was issued is good soon after', async () => {
    const key = makeApiKey()
    const refusedMs = 300
    const authenticate = authenticateBy(db, [pepper], limitsOf({ refusedMs }))
    expect(await authenticate(bearer(key), undefined)).toBeUndefined()
    const client = await pool.connect()
    await storeApiKey(client, pepper, { key, tenantId: randomUUID(), scopes })
    client.release()
    const issuedAt = performance.now()
    await eventually('it is good', () => authenticate(bearer(key), undefined))
    expect(performance.now() - issuedAt).toBeLessThan(refusedMs + 1_000)
  })

  test('the number of refused keys is bounded', async () => {
    const authenticate = authenticateBy(db, [pepper], limitsOf({ refusedMax: 2 }))
    const keys = [makeApiKey(), makeApiKey(), makeApiKey()]
    for (const key of keys) await authenticate(bearer(key), undefined)
    looks = 0
    for (const key of keys.toReversed()) await authenticate(bearer(key), undefined)
    expect(looks).toBe(1)
  })

  test('a revoked key is refused when its entry has expired', async () => {
    const { key, keyId } = await store()
    const cacheMs = 300
    const authenticate = authenticateBy(db, [pepper], limitsOf({ cacheMs }))
    expect(await authenticate(bearer(key), undefined)).toBeDefined()
    await revoke(keyId)
    const revokedAt = performance.now()
    const isRefused = async () => (await authenticate(bearer(key), undefined)) === undefined
    await eventually('it is refused', async () => (await isRefused()) || undefined)
    expect(performance.now() - revokedAt).toBeLessThan(cacheMs + 1_000)
    expect(await isRefused()).toBe(true)
  })

  test('the entry of a key does not outlive the key', async () => {
    const { key } = await store({ expiresAt: new Date(Date.now() + 400) })
    const authenticate = authenticateBy(db, [pepper], limitsOf())
    expect(await authenticate(bearer(key), undefined)).toBeDefined()
    await eventually('it has expired', async () => {
      return (await authenticate(bearer(key), undefined)) ? undefined : true
    })
  })

  test('the number of good keys is bounded, and a flood of unknown ones evicts none', async () => {
    const keys = [await store(), await store(), await store()]
    const authenticate = authenticateBy(db, [pepper], limitsOf({ cachedMax: 2 }))
    for (const { key } of keys) await authenticate(bearer(key), undefined)
    for (let guesses = 0; guesses < 50; guesses += 1) {
      await authenticate(bearer(makeApiKey()), undefined)
    }
    const looksFor = async ({ key }: { key: string }) => {
      looks = 0
      await authenticate(bearer(key), undefined)
      return looks
    }
    const [oldest, second, newest] = keys
    if (!oldest || !second || !newest) throw new Error('three were stored')
    expect([await looksFor(newest), await looksFor(second), await looksFor(oldest)]).toEqual([
      0, 0, 1,
    ])
  })
})

describe('a flood of made-up keys', () => {
  /** Callers that show another made-up key as soon as the last was refused, until they are told to stop. */
  function flood(authenticate: Authenticate, callers: number) {
    let isOver = false
    let unanswered = 0
    const call = async () => {
      while (!isOver) {
        await authenticate(bearer(makeApiKey()), undefined).catch((error: unknown) => {
          if (!(error instanceof NoTurn)) throw error
          unanswered += 1
          // This lets others have a turn, as an answer over a socket would.
          return setImmediate()
        })
      }
    }
    const ends = Array.from({ length: callers }, call)
    return {
      unanswered: () => unanswered,
      stop: async () => {
        isOver = true
        await Promise.all(ends)
      },
    }
  }

  test('slows no known caller, and a good key that is not cached yet is let in', async () => {
    const [known, others] = [await store(), [await store(), await store(), await store()]]
    const authenticate = authenticateBy(db, [pepper], limitsOf())
    await authenticate(bearer(known.key), undefined)
    const attack = flood(authenticate, 64)
    for (const { key } of others) {
      expect(await authenticate(bearer(key), undefined)).toBeDefined()
      looks = 0
      const askedAt = performance.now()
      expect(await authenticate(bearer(known.key), undefined)).toBeDefined()
      expect([looks, performance.now() - askedAt < 50]).toEqual([0, true])
    }
    await attack.stop()
    expect(attack.unanswered()).toBe(0)
  })

  test('takes a bounded number of connections', async () => {
    let atWork = 0
    let atWorkMax = 0
    const counted = {
      query: async (...args: unknown[]) => {
        atWork += 1
        atWorkMax = Math.max(atWork, atWorkMax)
        const result = await Reflect.apply(pool.query, pool, args)
        atWork -= 1
        return result
      },
    }
    const looksOfOne = { atWorkMax: 1, waitingMax: 10, waitMs: 5_000 }
    const limits = limitsOf({ cacheMs: 50, looks: looksOfOne })
    const authenticate = authenticateBy(counted as Queryable, [pepper], limits)
    const { key } = await store()
    await authenticate(bearer(key), undefined)
    const attack = flood(authenticate, 64)
    const startedAt = performance.now()
    // Its memory is over several times meanwhile, and it never waits behind the flood.
    while (performance.now() - startedAt < 300) {
      expect(await authenticate(bearer(key), undefined)).toBeDefined()
      await setImmediate()
    }
    await attack.stop()
    expect(attack.unanswered()).toBeGreaterThan(0)
    expect(atWorkMax).toBe(2)
  })
})

describe('keys of one tenant', () => {
  test('two may be in use, and a third is refused until one is revoked', async () => {
    const first = await store()
    const { tenantId } = first
    expect((await store({ tenantId })).stored).toBe('stored')
    expect((await store({ tenantId })).stored).toBe('full')
    await revoke(first.keyId)
    expect((await store({ tenantId })).stored).toBe('stored')
    expect((await store({ tenantId })).stored).toBe('full')
  })

  test('the table itself takes no third, also of a service', async () => {
    for (const tenantId of [randomUUID(), null]) {
      await pool.query('UPDATE api_keys SET revoked_at = now() WHERE tenant_id IS NULL')
      const insert = (slot: number) =>
        pool.query(
          `INSERT INTO api_keys (key_id, tenant_id, secret_hash, last4, scopes, slot)
           VALUES ($1, $2, '', '', '{}', $3)`,
          [apiKeyIdOf(makeApiKey()), tenantId, slot],
        )
      await insert(1)
      await insert(2)
      await expect(insert(1)).rejects.toThrow('api_keys_two_in_use')
      await expect(insert(3)).rejects.toThrow('api_keys_slot_check')
    }
  })

  test('storing a key again changes nothing, also when it was revoked', async () => {
    const { key, keyId, tenantId } = await store()
    const again = async () => {
      const client = await pool.connect()
      try {
        return await storeApiKey(client, pepper, { key, tenantId, scopes })
      } finally {
        client.release()
      }
    }
    expect(await again()).toBe('there')
    await revoke(keyId)
    expect(await again()).toBe('there')
    const authenticate = authenticateBy(db, [pepper], limitsOf({ cacheMs: 0, cachedMax: 1 }))
    expect(await authenticate(bearer(key), undefined)).toBeUndefined()
  })
})
