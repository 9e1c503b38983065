import { randomUUID } from 'node:crypto'
import { draftListing } from '@nightshift/load-tests/harness/test-client'
import {
  openTestSystem,
  roleUrl,
  type TestSystem,
} from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
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
 * Tests the third layer of tenant isolation, row-level security. The first layer is that a tenant
 * comes only from an API key. The second layer is that each statement names its tenant. The
 * statements here don't.
 */

let system: TestSystem
let pool: Pool
let workerPool: Pool
const mine = randomUUID()
const theirs = randomUUID()
let theirListing: string
let theirPublication: string

function openAs(role: 'listings' | 'listings_worker'): Pool {
  const log = openLog('test')
  log.setLevel('silent')
  // One connection, so that anything that a transaction leaves behind would affect the next one.
  return openPool(roleUrl(system, role), 'test', { ...limits.pool, connectionsMax: 1 }, log)
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
  return {
    publicationId,
    tenantId,
    listingId,
    plan: 'basic',
    amountCents: 9_900,
    cardToken: 'pm_card_visa',
    keyHash: Buffer.from(publicationId),
    fingerprint: Buffer.alloc(32),
    traceparent: undefined,
    firstCheckMs: 60_000,
  }
}

/** All rows of a table, as its administrator sees them. */
function readAll(table: string): Promise<unknown[]> {
  return withDatabase(system.databaseUrl('listings'), async client => {
    return (await client.query(`SELECT * FROM ${table} ORDER BY 1`)).rows
  })
}

describe('a statement without a tenant does not reach the rows of another tenant', () => {
  test.each([
    ['when it finds a publication', () => as(mine, tx => findPublication(tx, theirPublication))],
    ['when it locks a publication', () => as(mine, tx => lockPublication(tx, theirPublication))],
    [
      'when it sets a publication to captured',
      async () => {
        const publication = await as(theirs, tx => findPublication(tx, theirPublication))
        if (!publication) throw new Error('they have a publication')
        const after = { ...publication, status: 'captured', paymentId: randomUUID() } as const
        expect(await as(mine, tx => updatePublication(tx, work, after))).toBe(false)
      },
    ],
    [
      'when it puts a listing live, which a request never may',
      async () => {
        const live = as(mine, tx => putListingLive(tx, theirListing))
        await expect(live).rejects.toThrow('permission denied')
      },
    ],
    ['when it returns a listing to drafts', () => as(mine, tx => returnToDrafts(tx, theirListing))],
    [
      'when it takes a listing from drafts with the id of the other tenant',
      () =>
        as(mine, async tx => {
          expect(await takeFromDrafts(tx, theirs, theirListing)).toBe(false)
        }),
    ],
  ])('%s', async (_what, work) => {
    const before = [await readAll('listings'), await readAll('publications')]
    expect(await work()).toBeUndefined()
    expect([await readAll('listings'), await readAll('publications')]).toEqual(before)
  })

  test.each(['listings', 'publications', 'idempotency_keys'])(
    'when it reads all of %s',
    async table => {
      await claim(theirs)
      await claim(mine)
      await insert(mine)
      const tenants = await as(mine, async tx => {
        const { rows } = await tx.query(`SELECT DISTINCT tenant_id FROM ${table}`)
        return rows.map(row => row.tenant_id)
      })
      expect(tenants.filter(tenant => tenant !== mine)).toEqual([])
      expect((await readAll(table)).length).toBeGreaterThan(0)
    },
  )

  test('when it stores an answer under a key', async () => {
    const { id } = await claim(theirs)
    const answer = { status: 201, headers: {}, body: 'forged' }
    await as(mine, tx => keys.finish(tx, id, answer))
    expect(await readAll('idempotency_keys')).toContainEqual(
      expect.objectContaining({ subject_id: id, response_status: null }),
    )
  })
})

describe('no row can be given to another tenant', () => {
  test('by INSERT', async () => {
    const wrong = as(mine, tx =>
      insertPublication(tx, newPublication(randomUUID(), theirs, theirListing)),
    )
    await expect(wrong).rejects.toThrow('row-level security')
  })

  test('by UPDATE', async () => {
    const listingId = await insert(mine)
    const wrong = as(mine, tx =>
      tx.query('UPDATE listings SET tenant_id = $1 WHERE listing_id = $2', [theirs, listingId]),
    )
    await expect(wrong).rejects.toThrow('permission denied')
  })

  test('by a reference to its listing, although a foreign key ignores the policies', async () => {
    const draft = await insert(theirs)
    const wrong = as(mine, tx => insertPublication(tx, newPublication(randomUUID(), mine, draft)))
    await expect(wrong).rejects.toThrow('foreign key')
  })
})

describe('a transaction without a tenant', () => {
  test('sees no rows', async () => {
    const rows = await inTransaction(
      pool,
      async tx => (await tx.query('SELECT FROM listings')).rowCount,
    )
    expect(rows).toBe(0)
  })

  test('does not inherit the tenant of the transaction before it', async () => {
    await insert(mine)
    const count = (tx: { query: Pool['query'] }) => tx.query('SELECT FROM listings')
    expect((await as(mine, count)).rowCount).toBeGreaterThan(0)
    expect((await count(pool)).rowCount).toBe(0)
    await expect(as(mine, tx => tx.query('SELECT 1 / 0'))).rejects.toThrow('division')
    expect((await count(pool)).rowCount).toBe(0)
  })

  test('is not the result of an invalid tenant, such as an SQL injection: that is an error', async () => {
    const tenant = `${theirs}', false); SELECT set_config('app.tenant', '${theirs}`
    const wrong = inTenantTransaction(pool, tenant, tx => tx.query('SELECT FROM listings'))
    await expect(wrong).rejects.toThrow('invalid input syntax for type uuid')
  })
})

test('the role of the worker sees all tenants, and cannot insert a listing', async () => {
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
