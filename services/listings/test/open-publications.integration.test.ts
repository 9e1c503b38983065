import { randomUUID } from 'node:crypto'
import { as, call, draftListing } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { idempotencyKeys } from '@nightshift/patterns/idempotency-key/idempotency-key'
import { fencingNumber, leasedWork } from '@nightshift/patterns/lease/lease'
import { noQueue } from '@nightshift/patterns/load-shedding/naive'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { Publication } from '../src/domain/publication.ts'
import { limits } from '../src/limits.ts'
import { insertListing } from '../src/store/listings.ts'
import { publicationsTable } from '../src/store/publication-row.ts'
import { publicationStore } from '../src/store/publication-store.ts'
import { takeDuePublication } from '../src/store/publications.ts'

let system: TestSystem
let pool: pg.Pool
const tenantId = randomUUID()
const work = leasedWork(fencingNumber, publicationsTable)
let store: ReturnType<typeof publicationStore>
const enoughTime = deadlineIn(60_000)

beforeAll(async () => {
  const run = ['card-provider', 'payments', 'listings'] as const
  system = await openTestSystem({ parts: inject('parts'), run })
  // The first check is in an hour, so the job of the running service leaves these publications
  // alone.
  pool = new pg.Pool({ connectionString: system.databaseUrl('listings') })
  store = publicationStore({
    pool,
    keys: idempotencyKeys({ subjects: publicationsTable, leaseMs: 60_000 }),
    work,
    isBacklogFull: () => false,
    beginInTurn: noQueue(),
    limits: { firstCheckMs: 3_600_000, backoff: { baseMs: 1_000, capMs: 1_000 } },
  })
})
afterAll(async () => {
  await pool.end()
  await system[Symbol.asyncDispose]()
})

const claim = (keyed: KeyedPublication) => store.claim({ ...keyed, amountCents: 9_900 }, enoughTime)

type KeyedPublication = Awaited<ReturnType<typeof newKeyed>>

async function newKeyed() {
  const listingId = randomUUID()
  const draft = draftListing() as Parameters<typeof insertListing>[1]
  await insertListing(pool, { ...draft, listingId, tenantId })
  const request = { plan: 'basic', cardToken: 'pm_card_visa' } as const
  return { tenantId, listingId, key: `test-${randomUUID()}`, request }
}

async function claimOne(keyed: KeyedPublication): Promise<Publication> {
  const claimed = await claim(keyed)
  if (claimed.kind !== 'claimed') throw new Error(`not claimed: ${claimed.kind}`)
  return claimed.publication
}

async function expireLease({ publicationId }: Publication): Promise<void> {
  await pool.query(
    `UPDATE idempotency_keys SET leased_until = now() - interval '1 s' WHERE subject_id = $1`,
    [publicationId],
  )
}

async function leaseLeftMs({ publicationId }: Publication): Promise<number> {
  const { rows } = await pool.query(
    `SELECT (extract(epoch FROM leased_until - clock_timestamp()) * 1000)::float8 AS left
     FROM idempotency_keys WHERE subject_id = $1`,
    [publicationId],
  )
  return rows[0].left
}

async function untilNextCheckMs({ publicationId }: Publication): Promise<number> {
  const { rows } = await pool.query(
    `SELECT (extract(epoch FROM next_check_at - clock_timestamp()) * 1000)::float8 AS wait
     FROM publications WHERE publication_id = $1`,
    [publicationId],
  )
  return rows[0].wait
}

describe('an owner of a publication that was overtaken', () => {
  test('does not release the key of the next owner', async () => {
    const keyed = await newKeyed()
    const first = await claimOne(keyed)
    await expireLease(first)
    const second = await claimOne(keyed)
    expect([second.publicationId, second.attempt]).toEqual([first.publicationId, 2])
    await store.recheckLater(first, 0)
    expect(await leaseLeftMs(second)).toBeGreaterThan(0)
    await store.recheckLater(second, 0)
    expect(await leaseLeftMs(second)).toBeLessThan(0)
  })

  test('has a lower number after a takeover by the job', async () => {
    const first = await claimOne(await newKeyed())
    await pool.query('UPDATE publications SET next_check_at = now() WHERE publication_id = $1', [
      first.publicationId,
    ])
    // The job of the running service may take the publication instead.
    await takeDuePublication(pool, work, 60_000)
    const { rows } = await pool.query(
      'SELECT attempt FROM publications WHERE publication_id = $1',
      [first.publicationId],
    )
    expect(rows[0].attempt).toBeGreaterThan(first.attempt)
  })
})

test('the next attempt waits at least for the Retry-After of payments', async () => {
  const publication = await claimOne(await newKeyed())
  await store.recheckLater(publication, 20_000)
  expect(await untilNextCheckMs(publication)).toBeGreaterThan(18_000)
})

describe.each([0, limits.beginMinMs - 1])('with %i ms before the deadline', tooLittleMs => {
  test('no publication is begun, and the key stays unused', async () => {
    const headers = as(system, 'acme')
    const url = `${system.urls.listings}/v1/listings`
    const { listingId } = (await call('POST', url, { headers, body: draftListing() })).json
    const key = `test-${randomUUID()}`
    const publish = (more: Record<string, string>) =>
      call('POST', `${url}/${listingId}/publish`, {
        headers: { ...as(system, 'acme', key), ...more },
        body: { plan: 'basic', cardToken: 'pm_card_visa' },
      })
    const refused = await publish({ 'x-request-timeout-ms': String(tooLittleMs) })
    expect([refused.status, refused.json.type]).toEqual([503, '/problems/overloaded'])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await call('GET', `${url}/${listingId}`, { headers })).json.status).toBe('draft')
    expect((await publish({})).status).toBe(201)
  })
})
