import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Scope } from '@nightshift/contracts/scopes'
import { storeApiKey } from '@nightshift/local/system/store-api-key'
import { eventually } from '@nightshift/local/testing/test-client'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { apiKeyIdOf, makeApiKey } from '../src/api-keys.ts'
import { authenticateBy } from '../src/authenticate.ts'
import { migrate } from '../src/migrate.ts'
import type { Queryable } from '../src/postgres.ts'
import { type FreshDatabase, openFreshDatabase } from './fresh-database.ts'

const migrations = join(import.meta.dirname, '../../../services/listings/migrations')
const pepper = 'pepper'.repeat(8)
const otherPepper = 'another'.repeat(8)
const scopes: Scope[] = ['listings:read', 'listings:write']
const minuteMs = 60_000

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
async function store(change: { tenantId?: string | null; expiresAt?: Date } = {}) {
  const key = makeApiKey()
  const tenantId = change.tenantId === undefined ? randomUUID() : change.tenantId
  const client = await pool.connect()
  try {
    const stored = await storeApiKey(client, pepper, { ...change, key, tenantId, scopes })
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

describe('who is calling', () => {
  test('an employer is known by its key, and acts for nobody else', async () => {
    const { key, keyId, tenantId } = await store()
    const authenticate = authenticateBy(db, pepper, { cacheMs: 0, cachedMax: 1 })
    const principal = { kind: 'employer', tenantId, keyId, scopes }
    expect(await authenticate(bearer(key), undefined)).toEqual(principal)
    expect(await authenticate(bearer(key), randomUUID())).toEqual(principal)
  })

  test('a service acts for the one tenant that it names', async () => {
    const { key } = await store({ tenantId: null })
    const authenticate = authenticateBy(db, pepper, { cacheMs: minuteMs, cachedMax: 10 })
    for (const tenantId of [randomUUID(), randomUUID()]) {
      const principal = { kind: 'service', tenantId }
      expect(await authenticate(bearer(key), tenantId)).toMatchObject(principal)
    }
    for (const tenant of [undefined, '', 'acme', [randomUUID()], randomUUID().toUpperCase()]) {
      expect(await authenticate(bearer(key), tenant)).toBeUndefined()
    }
  })

  test('the hash of another pepper opens nothing', async () => {
    const { key } = await store()
    const authenticate = authenticateBy(db, otherPepper, { cacheMs: minuteMs, cachedMax: 10 })
    expect(await authenticate(bearer(key), undefined)).toBeUndefined()
  })

  test('nobody comes in because the database is away', async () => {
    const { key } = await store()
    const away = new pg.Pool({ connectionString: database.url })
    await away.end()
    const authenticate = authenticateBy(away, pepper, { cacheMs: minuteMs, cachedMax: 10 })
    await expect(authenticate(bearer(key), undefined)).rejects.toThrow()
  })
})

describe('a refusal tells nothing', () => {
  test('what can be no key costs no look', async () => {
    const { key } = await store()
    looks = 0
    const authenticate = authenticateBy(db, pepper, { cacheMs: minuteMs, cachedMax: 10 })
    const texts = [undefined, '', key, `Basic ${key}`, bearer(key.slice(0, -1)), bearer(`${key}0`)]
    for (const text of texts) expect(await authenticate(text, undefined)).toBeUndefined()
    expect(looks).toBe(0)
  })

  test('unknown, wrong, revoked or expired: one look each, every time', async () => {
    const [known, revoked, expired] = [await store(), await store(), await store()]
    await revoke(revoked.keyId)
    await backDate(expired.keyId)
    const authenticate = authenticateBy(db, pepper, { cacheMs: minuteMs, cachedMax: 10 })
    expect(await authenticate(bearer(known.key), undefined)).toBeDefined()
    const guess = makeApiKey(known.keyId)
    for (const key of [makeApiKey(), guess, revoked.key, expired.key]) {
      for (const _ of ['first', 'second']) {
        looks = 0
        expect(await authenticate(bearer(key), undefined)).toBeUndefined()
        expect(looks).toBe(1)
      }
    }
  })
})

describe('what is remembered of a key', () => {
  test('a good key is looked up once in a while, not for each request', async () => {
    const { key } = await store()
    looks = 0
    const authenticate = authenticateBy(db, pepper, { cacheMs: minuteMs, cachedMax: 10 })
    for (let times = 0; times < 5; times += 1) await authenticate(bearer(key), undefined)
    expect(looks).toBe(1)
  })

  test('a revoked key is refused when the memory of it is over', async () => {
    const { key, keyId } = await store()
    const cacheMs = 300
    const authenticate = authenticateBy(db, pepper, { cacheMs, cachedMax: 10 })
    expect(await authenticate(bearer(key), undefined)).toBeDefined()
    await revoke(keyId)
    const revokedAt = performance.now()
    const isRefused = async () => (await authenticate(bearer(key), undefined)) === undefined
    await eventually('it is refused', async () => (await isRefused()) || undefined)
    expect(performance.now() - revokedAt).toBeLessThan(cacheMs + 1_000)
    expect(await isRefused()).toBe(true)
  })

  test('a key that expires is not outlived by the memory of it', async () => {
    const { key } = await store({ expiresAt: new Date(Date.now() + 400) })
    const authenticate = authenticateBy(db, pepper, { cacheMs: minuteMs, cachedMax: 10 })
    expect(await authenticate(bearer(key), undefined)).toBeDefined()
    await eventually('it has expired', async () => {
      return (await authenticate(bearer(key), undefined)) ? undefined : true
    })
  })

  test('only so many are remembered, and a flood of unknown ones pushes none of them out', async () => {
    const keys = [await store(), await store(), await store()]
    const authenticate = authenticateBy(db, pepper, { cacheMs: minuteMs, cachedMax: 2 })
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

describe('keys of one tenant', () => {
  test('two may be in use, a third is refused until one is revoked', async () => {
    const first = await store()
    const { tenantId } = first
    expect((await store({ tenantId })).stored).toBe('stored')
    expect((await store({ tenantId })).stored).toBe('full')
    await revoke(first.keyId)
    expect((await store({ tenantId })).stored).toBe('stored')
    expect((await store({ tenantId })).stored).toBe('full')
  })

  test('whatever a program believes, the table takes no third, for a service neither', async () => {
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
    const authenticate = authenticateBy(db, pepper, { cacheMs: 0, cachedMax: 1 })
    expect(await authenticate(bearer(key), undefined)).toBeUndefined()
  })
})
