import { randomUUID } from 'node:crypto'
import { draftListing } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { idempotencyKeys, keyedRequest } from '@nightshift/patterns/idempotency-key/idempotency-key'
import { fencingNumber, leasedWork } from '@nightshift/patterns/lease/lease'
import { inTenantTransaction, inTransaction, openPool } from '@nightshift/runtime/postgres/postgres'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { limits } from '../src/limits.ts'
import {
  insertListing,
  putListingLive,
  returnToDrafts,
  takeFromDrafts,
} from '../src/store/listings.ts'
import { publicationsTable } from '../src/store/publication-row.ts'
import {
  findPublication,
  insertPublication,
  lockPublication,
  updatePublication,
} from '../src/store/publications.ts'

/**
 * The third layer. The first is that a tenant comes from a key and from nothing else, the second that
 * a statement names it. Here are the statements that do not, as written or as they might be one day.
 */

let system: TestSystem
let pool: Pool
let workerPool: Pool
const mine = randomUUID()
const theirs = randomUUID()
let theirListing: string
let theirPublication: string

function openAs(role: 'listings' | 'listings_worker'): Pool {
  const password = system.secrets.rolePasswords[role]
  const database = new URL(system.databaseUrl('listings')).pathname.slice(1)
  const url = databaseUrl(system.databaseUrl('listings'), { database, role, password })
  const log = openLog('test')
  log.setLevel('silent')
  // One connection, so that whatever one transaction leaves behind is there for the next.
  return openPool(url, 'test', { ...limits.pool, connectionsMax: 1 }, log)
}

beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: [] })
  pool = openAs('listings')
  workerPool = openAs('listings_worker')
  theirListing = await insert(theirs)
  theirPublication = await begin(theirs, theirListing)
})
afterAll(async () => {
  await pool.end()
  await workerPool.end()
  await system[Symbol.asyncDispose]()
})

async function insert(tenantId: string): Promise<string> {
  const { salaryMinEurPerYear, salaryMaxEurPerYear, ...rest } = draftListing()
  const listing = { ...rest, area: 'europe', seniority: 'senior' } as const
  const salary = { salaryMinEurPerYear, salaryMaxEurPerYear }
  const { listingId } = await inTenantTransaction(pool, tenantId, tx =>
    insertListing(tx, { ...listing, ...salary, tenantId, listingId: randomUUID() }),
  )
  return listingId
}

async function begin(tenantId: string, listingId: string): Promise<string> {
  const publicationId = randomUUID()
  await inTenantTransaction(pool, tenantId, async tx => {
    expect(await takeFromDrafts(tx, tenantId, listingId)).toBe(true)
    await insertPublication(tx, newPublication(publicationId, tenantId, listingId))
  })
  return publicationId
}

function newPublication(publicationId: string, tenantId: string, listingId: string) {
  const price = { plan: 'basic', amountCents: 9_900, cardToken: 'pm_card_visa' } as const
  const key = { keyHash: Buffer.from(publicationId), fingerprint: Buffer.alloc(32) }
  const when = { ...key, traceparent: undefined, firstCheckMs: 60_000 }
  return { publicationId, tenantId, listingId, ...price, ...when }
}

/** All of a table as its administrator sees it. */
function providerLogOf(table: string): Promise<unknown[]> {
  return withDatabase(system.databaseUrl('listings'), async client => {
    return (await client.query(`SELECT * FROM ${table} ORDER BY 1`)).rows
  })
}

describe('a statement that forgot the tenant sees nothing of another', () => {
  test.each([
    ['finds', () => as(mine, tx => findPublication(tx, theirPublication))],
    ['locks', () => as(mine, tx => lockPublication(tx, theirPublication))],
    [
      'captures',
      async () => {
        const publication = await as(theirs, tx => findPublication(tx, theirPublication))
        if (!publication) throw new Error('they have a publication')
        const after = { ...publication, status: 'captured', paymentId: randomUUID() } as const
        expect(await as(mine, tx => updatePublication(tx, work, after))).toBe(false)
      },
    ],
    ['puts live', () => as(mine, tx => putListingLive(tx, theirListing))],
    ['returns to drafts', () => as(mine, tx => returnToDrafts(tx, theirListing))],
    [
      'takes in their name',
      () =>
        as(mine, async tx => {
          expect(await takeFromDrafts(tx, theirs, theirListing)).toBe(false)
        }),
    ],
  ])('%s', async (_what, work) => {
    const before = [await providerLogOf('listings'), await providerLogOf('publications')]
    expect(await work()).toBeUndefined()
    expect([await providerLogOf('listings'), await providerLogOf('publications')]).toEqual(before)
  })

  test.each(['listings', 'publications', 'idempotency_keys'])('SELECT * FROM %s', async table => {
    await claim(theirs)
    await claim(mine)
    await insert(mine)
    const tenants = await as(mine, async tx => {
      const { rows } = await tx.query(`SELECT DISTINCT tenant_id FROM ${table}`)
      return rows.map(row => row.tenant_id)
    })
    expect(tenants.filter(tenant => tenant !== mine)).toEqual([])
    expect((await providerLogOf(table)).length).toBeGreaterThan(0)
  })

  test('the answers under their keys stay theirs', async () => {
    const { id } = await claim(theirs)
    const answer = { status: 201, headers: {}, body: 'forged' }
    await as(mine, tx => keys.finish(tx, id, answer))
    expect(await providerLogOf('idempotency_keys')).toContainEqual(
      expect.objectContaining({ subject_id: id, response_status: null }),
    )
  })
})

describe('a row can not be put in the name of another tenant', () => {
  test('not by INSERT', async () => {
    const wrong = as(mine, tx =>
      insertPublication(tx, newPublication(randomUUID(), theirs, theirListing)),
    )
    await expect(wrong).rejects.toThrow('row-level security')
  })

  test('not by UPDATE', async () => {
    const listingId = await insert(mine)
    const wrong = as(mine, tx =>
      tx.query('UPDATE listings SET tenant_id = $1 WHERE listing_id = $2', [theirs, listingId]),
    )
    await expect(wrong).rejects.toThrow('row-level security')
  })

  test('not by pointing at their listing: a foreign key looks past the policies', async () => {
    const draft = await insert(theirs)
    const wrong = as(mine, tx => insertPublication(tx, newPublication(randomUUID(), mine, draft)))
    await expect(wrong).rejects.toThrow('foreign key')
  })
})

describe('who is no tenant sees nothing', () => {
  test('without a tenant there are no rows, and none can be written', async () => {
    const rows = await inTransaction(
      pool,
      async tx => (await tx.query('SELECT FROM listings')).rowCount,
    )
    expect(rows).toBe(0)
  })

  test('the tenant ends with its transaction: the next user of the connection has none', async () => {
    await insert(mine)
    const count = (tx: { query: Pool['query'] }) => tx.query('SELECT FROM listings')
    expect((await as(mine, count)).rowCount).toBeGreaterThan(0)
    expect((await count(pool)).rowCount).toBe(0)
    await expect(as(mine, tx => tx.query('SELECT 1 / 0'))).rejects.toThrow('division')
    expect((await count(pool)).rowCount).toBe(0)
  })

  test('a tenant that is no UUID is an error, and no way out of its quotes', async () => {
    const tenant = `${theirs}', false); SELECT set_config('app.tenant', '${theirs}`
    const wrong = inTenantTransaction(pool, tenant, tx => tx.query('SELECT FROM listings'))
    await expect(wrong).rejects.toThrow('invalid input syntax for type uuid')
  })
})

test('what works for all tenants sees all of them, and can make no listing of its own', async () => {
  await insert(mine)
  const { rows } = await workerPool.query('SELECT DISTINCT tenant_id FROM listings')
  const tenants = rows.map(row => row.tenant_id)
  expect(tenants).toEqual(expect.arrayContaining([mine, theirs]))
  await expect(workerPool.query('INSERT INTO listings DEFAULT VALUES')).rejects.toThrow('denied')
})

const keys = idempotencyKeys({ subjects: publicationsTable, leaseMs: limits.keyLeaseMs })
const work = leasedWork(fencingNumber, publicationsTable)

async function claim(tenantId: string): Promise<{ id: string }> {
  const key = { tenantId, route: 'test', key: randomUUID() }
  const request = keyedRequest(key, [], randomUUID())
  const claimed = await as(tenantId, tx => keys.claim(tx, request))
  if (claimed.kind !== 'claimed') throw new Error('a new key is free')
  return claimed
}

function as<T>(tenantId: string, work: Parameters<typeof inTenantTransaction<T>>[2]): Promise<T> {
  return inTenantTransaction(pool, tenantId, work)
}
