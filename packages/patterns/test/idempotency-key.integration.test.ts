import { randomUUID } from 'node:crypto'
import { countBlocked } from '@nightshift/load-tests/harness/count-blocked'
import { inTransaction } from '@nightshift/runtime/postgres/postgres'
import { openRedis, type Redis } from '@nightshift/runtime/redis/redis'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { deleteExpiredKeys } from '../src/idempotency-key/finish-keys.ts'
import { idempotencyKeys, keyedRequest } from '../src/idempotency-key/idempotency-key.ts'
import { ignoredIdempotencyKeys } from '../src/idempotency-key/naive.ts'
import type { Claim, IdempotencyKeys, KeyedRequest } from '../src/idempotency-key/types.ts'
import { cacheThenCharge } from '../src/idempotency-key/variants/cache-then-charge.ts'
import { selectThenInsert } from '../src/idempotency-key/variants/select-then-insert.ts'
import { type OwnTables, openOwnTables } from './own-tables.ts'

const leaseMs = 60_000
const subjects = { table: 'subjects', id: 'subject_id' }
const keys = idempotencyKeys({ subjects, leaseMs })
let database: OwnTables
let redis: Redis

beforeAll(async () => {
  database = await openOwnTables(inject('parts').postgresUrl, ['idempotency-key'])
  redis = openRedis(inject('parts').redisUrl, { connectMs: 2_000, commandMs: 2_000 }, database.log)
  await vi.waitFor(() => redis.ping(), { timeout: 5_000, interval: 20 })
})
afterAll(async () => {
  redis.disconnect()
  await database[Symbol.asyncDispose]()
})

function request({
  tenantId = randomUUID() as string,
  route = 'POST /v1/payments',
  key = randomUUID() as string,
  content = 'a body',
} = {}): KeyedRequest {
  return keyedRequest({ tenantId, route, key }, [content], randomUUID())
}

/** Another attempt with the same key. It proposes an id of its own. */
const again = (first: KeyedRequest) => ({ ...first, proposedId: randomUUID() })

function claim(one: KeyedRequest, by: IdempotencyKeys = keys): Promise<Claim> {
  return inTransaction(database.pool, tx => by.claim(tx, one))
}

/** Back-dates the lease, as if its owner had been silent for all of it. */
async function expireLease(id: string) {
  const sql = `UPDATE idempotency_keys SET leased_until = now() - interval '1 s' WHERE subject_id = $1`
  expect((await database.pool.query(sql, [id])).rowCount).toBe(1)
}

const answer = { status: 201, headers: { location: '/v1/x' }, body: '{"a": 1}' }

describe('one attempt at a time', () => {
  test('one of fifty concurrent attempts gets the key, and the others have to wait', async () => {
    const first = request()
    const claims = await Promise.all(Array.from({ length: 50 }, () => claim(again(first))))
    expect(claims.filter(one => one.kind === 'claimed')).toHaveLength(1)
    const waiting = claims.filter(one => one.kind === 'in_progress')
    expect(waiting).toHaveLength(49)
    for (const one of waiting) {
      expect(one.retryAfterMs).toBeGreaterThan(0)
      expect(one.retryAfterMs).toBeLessThanOrEqual(leaseMs)
    }
  })

  test('a silent owner is replaced once, by an attempt that continues with the same id', async () => {
    const first = request()
    expect(await claim(first)).toEqual({ kind: 'claimed', id: first.proposedId, resumed: false })
    await expireLease(first.proposedId)
    const claims = await Promise.all(Array.from({ length: 10 }, () => claim(again(first))))
    const won = claims.filter(one => one.kind === 'claimed')
    expect(won).toEqual([{ kind: 'claimed', id: first.proposedId, resumed: true }])
  })

  test('a released key can be claimed at once, and keeps its id', async () => {
    const first = request()
    await claim(first)
    await keys.release(database.pool, first.proposedId)
    const next = await claim(again(first))
    expect(next).toEqual({ kind: 'claimed', id: first.proposedId, resumed: true })
  })

  test('a rolled back claim leaves the key unused', async () => {
    const first = request()
    const undone = inTransaction(database.pool, async tx => {
      await keys.claim(tx, first)
      throw new Error('undo')
    })
    await expect(undone).rejects.toThrow('undo')
    const next = again(first)
    expect(await claim(next)).toEqual({ kind: 'claimed', id: next.proposedId, resumed: false })
  })
})

describe('one answer per key', () => {
  test('a stored answer is replayed unchanged', async () => {
    const first = request()
    await claim(first)
    await keys.finish(database.pool, first.proposedId, answer)
    expect(await claim(again(first))).toEqual({ kind: 'finished', answer })
  })

  test('the first answer stays when a second one is stored', async () => {
    const first = request()
    await claim(first)
    await keys.finish(database.pool, first.proposedId, answer)
    await keys.finish(database.pool, first.proposedId, { ...answer, status: 402 })
    await keys.release(database.pool, first.proposedId)
    expect(await claim(again(first))).toEqual({ kind: 'finished', answer })
  })

  test('a rolled back answer leaves the key in progress', async () => {
    const first = request()
    await claim(first)
    const undone = inTransaction(database.pool, async tx => {
      await keys.finish(tx, first.proposedId, answer)
      throw new Error('undo')
    })
    await expect(undone).rejects.toThrow('undo')
    expect((await claim(again(first))).kind).toBe('in_progress')
  })

  test('another body is refused during the lease, after it, and after the answer', async () => {
    const first = request()
    await claim(first)
    const other = request({ ...first, content: 'another body' })
    expect((await claim(other)).kind).toBe('different_request')
    await expireLease(first.proposedId)
    expect((await claim(other)).kind).toBe('different_request')
    await keys.finish(database.pool, first.proposedId, answer)
    expect((await claim(other)).kind).toBe('different_request')
  })
})

describe('a key whose row has expired', () => {
  const expire = async (id: string) => {
    const sql = `UPDATE idempotency_keys SET expires_at = now() - interval '1 s' WHERE subject_id = $1`
    await database.pool.query(sql, [id])
    expect(await deleteExpiredKeys(database.pool, 10)).toBe(1)
  }
  const insertSubject = ({ proposedId, tenantId, keyHash, fingerprint }: KeyedRequest) =>
    database.pool.query(
      `INSERT INTO subjects (subject_id, tenant_id, key_hash, fingerprint) VALUES ($1, $2, $3, $4)`,
      [proposedId, tenantId, keyHash, fingerprint],
    )

  test('still leads to its subject, and refuses another body', async () => {
    const first = request()
    await claim(first)
    await insertSubject(first)
    await keys.finish(database.pool, first.proposedId, answer)
    await expire(first.proposedId)
    expect(await claim(again(first))).toMatchObject({ kind: 'in_progress', id: first.proposedId })
    const other = request({ ...first, content: 'another body' })
    expect((await claim(other)).kind).toBe('different_request')
  })

  test('is unused again if it created nothing', async () => {
    const first = request()
    await claim(first)
    await keys.finish(database.pool, first.proposedId, answer)
    await expire(first.proposedId)
    const next = again(first)
    expect(await claim(next)).toEqual({ kind: 'claimed', id: next.proposedId, resumed: false })
  })
})

describe('a key belongs to one tenant and route', () => {
  test.each([
    ['tenant', { tenantId: randomUUID() }],
    ['route', { route: 'POST /v1/refunds' }],
  ])('for another %s the same text is another key', async (_what, changes) => {
    const first = request()
    await claim(first)
    await keys.finish(database.pool, first.proposedId, answer)
    const other = request({ ...first, ...changes })
    expect(await claim(other)).toEqual({ kind: 'claimed', id: other.proposedId, resumed: false })
  })
})

test('the naive version accepts every attempt, each with an id of its own', async () => {
  const naive = ignoredIdempotencyKeys()
  const first = request()
  const claims = await Promise.all(Array.from({ length: 20 }, () => claim(again(first), naive)))
  const ids = claims.map(one => (one.kind === 'claimed' ? one.id : ''))
  expect(new Set(ids).size).toBe(20)
  await naive.finish(database.pool, first.proposedId, answer)
  expect((await claim(again(first), naive)).kind).toBe('claimed')
})

describe('the variant select-then-insert', () => {
  const variant = selectThenInsert()

  test('replays a stored answer, and makes a second attempt wait for one in progress', async () => {
    const first = request()
    expect((await claim(first, variant)).kind).toBe('claimed')
    expect((await claim(again(first), variant)).kind).toBe('in_progress')
    await variant.finish(database.pool, first.proposedId, answer)
    expect(await claim(again(first), variant)).toEqual({ kind: 'finished', answer })
    const other = request({ ...first, content: 'another body' })
    expect((await claim(other, variant)).kind).toBe('different_request')
  })

  test('accepts two attempts if both SELECT before either has inserted', async () => {
    const first = request()
    const claims = await inTransaction(database.pool, async tx => {
      const one = await variant.claim(tx, first)
      // It does not see the uncommitted row, and its INSERT waits for that row.
      const other = claim(again(first), variant)
      await waitForBlocked(1)
      return [one, other] as const
    })
    expect(claims[0].kind).toBe('claimed')
    expect((await claims[1]).kind).toBe('claimed')
  })
})

describe('the variant cache-then-charge', () => {
  test('replays an answer as long as the cache has it, and charges again afterwards', async () => {
    const variant = cacheThenCharge(redis)
    const first = request()
    expect((await claim(first, variant)).kind).toBe('claimed')
    await variant.finish(database.pool, first.proposedId, answer)
    expect(await claim(again(first), variant)).toEqual({ kind: 'finished', answer })
    await redis.del(`idempotency:${first.tenantId}:${first.route}:${first.key}`)
    expect((await claim(again(first), variant)).kind).toBe('claimed')
  })

  test('accepts a second attempt while another process works on the first', async () => {
    const first = request()
    expect((await claim(first, cacheThenCharge(redis))).kind).toBe('claimed')
    const another = cacheThenCharge(redis)
    expect((await claim(again(first), another)).kind).toBe('claimed')
    await another.finish(database.pool, first.proposedId, answer)
    expect((await claim(again(first), another)).kind).toBe('claimed')
  })
})

/** Waits until so many statements are blocked by a lock. */
async function waitForBlocked(count: number): Promise<void> {
  await vi.waitFor(async () => expect(await countBlocked(database.pool)).toBe(count), {
    timeout: 2_000,
    interval: 10,
  })
}
