import { randomUUID } from 'node:crypto'
import { inTransaction } from '@nightshift/runtime/postgres/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { type DueOrder, fencingNumber, leasedWork, type Owner } from '../src/lease/lease.ts'
import { timeOnly } from '../src/lease/naive.ts'
import type { Fence } from '../src/lease/types.ts'
import { type OwnTables, openOwnTables } from './own-tables.ts'

const table = { table: 'work', id: 'id' }
const work = leasedWork(fencingNumber, table)
const naive = leasedWork(timeOnly, table)
const leaseMs = 60_000
const backoff = { baseMs: 1_000, capMs: 15_000, floorMs: 0 }

let database: OwnTables

beforeAll(async () => {
  database = await openOwnTables(inject('parts').postgresUrl, ['lease'])
})
afterAll(() => database[Symbol.asyncDispose]())
beforeEach(() => database.pool.query('DELETE FROM work'))

async function insertDue(count = 1): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID())
  await database.pool.query(
    `INSERT INTO work (id, next_check_at) SELECT id, now() FROM unnest($1::uuid[]) AS w (id)`,
    [ids],
  )
  return ids
}

async function take(by = work, first?: DueOrder): Promise<Owner | undefined> {
  const { rows } = await database.pool.query<Owner>(
    `WITH ${by.takeDue('$1', first)} SELECT id, attempt FROM taken`,
    [leaseMs],
  )
  return rows[0]
}

/** Back-dates all leases, as if their owners had been silent for the whole time. */
const expireLeases = () => database.pool.query('UPDATE work SET next_check_at = now()')

/** A write of the owner, as in a service. True if it changed the row. */
async function finish(fence: Fence, { id, attempt }: Owner): Promise<boolean> {
  const { rowCount } = await database.pool.query(
    `UPDATE work AS t SET next_check_at = NULL, attempt = ${fence.next('t')}
     FROM (VALUES ($1::uuid, $2::integer)) AS owner (id, attempt)
     WHERE t.id = owner.id AND ${fence.holds('t', 'owner')}`,
    [id, attempt],
  )
  return rowCount === 1
}

async function waitMsOf(id: string): Promise<number> {
  const { rows } = await database.pool.query<{ ms: number }>(
    `SELECT (extract(epoch FROM next_check_at - now()) * 1000)::float8 AS ms FROM work WHERE id = $1`,
    [id],
  )
  return rows[0]?.ms ?? Number.NaN
}

describe('due work', () => {
  test('is taken by one of many concurrent workers', async () => {
    const ids = await insertDue(5)
    const taken = await Promise.all(Array.from({ length: 20 }, () => take()))
    expect(taken.flatMap(one => one?.id ?? []).toSorted()).toEqual(ids.toSorted())
  })

  test('is taken in the order in which it became due, or the other way round', async () => {
    const [last, middle, longest] = await insertDue(3)
    await database.pool.query(
      `UPDATE work SET next_check_at = now() - array_position($1::uuid[], id) * interval '1 second'`,
      [[last, middle, longest]],
    )
    expect((await take(work, 'latest'))?.id).toBe(last)
    expect((await take())?.id).toBe(longest)
    expect((await take())?.id).toBe(middle)
  })

  test('is taken again after its lease, with a higher number', async () => {
    await insertDue()
    const first = await take()
    expect(await take()).toBeUndefined()
    await expireLeases()
    const second = await take()
    expect(second).toEqual({ id: first?.id, attempt: (first?.attempt ?? 0) + 1 })
  })

  test('waits longer after each check, up to a cap, and never less than the floor', async () => {
    const [id = ''] = await insertDue()
    for (const [round, mostMs] of [1_000, 2_000, 4_000, 8_000, 15_000, 15_000].entries()) {
      await expireLeases()
      const owner = (await take()) as Owner
      expect(await work.reschedule(database.pool, owner, backoff), `${round}`).toBe(true)
      const waitMs = await waitMsOf(id)
      expect(waitMs).toBeGreaterThan(mostMs / 2 - 100)
      expect(waitMs).toBeLessThanOrEqual(mostMs)
    }
    await expireLeases()
    const owner = (await take()) as Owner
    await work.reschedule(database.pool, owner, { ...backoff, floorMs: 40_000 })
    expect(await waitMsOf(id)).toBeGreaterThan(39_000)
  })

  test('is neither taken nor rescheduled once it is done', async () => {
    await insertDue()
    const owner = (await take()) as Owner
    expect(await finish(fencingNumber, owner)).toBe(true)
    expect(await work.reschedule(database.pool, owner, backoff)).toBe(false)
    await expect(take()).resolves.toBeUndefined()
  })
})

describe('an owner that was overtaken', () => {
  async function overtaken(): Promise<{ first: Owner; second: Owner }> {
    await insertDue()
    const first = (await take()) as Owner
    await expireLeases()
    return { first, second: (await take()) as Owner }
  }

  test('writes nothing, before and after its successor has written', async () => {
    const { first, second } = await overtaken()
    expect(await finish(fencingNumber, first)).toBe(false)
    expect(await finish(fencingNumber, second)).toBe(true)
    expect(await finish(fencingNumber, first)).toBe(false)
  })

  test('cannot change the lease of its successor', async () => {
    const { first } = await overtaken()
    expect(await work.reschedule(database.pool, first, backoff)).toBe(false)
    expect(await waitMsOf(first.id)).toBeGreaterThan(leaseMs / 2)
  })

  test('overwrites the result of its successor in the naive version', async () => {
    await insertDue()
    const first = (await take(naive)) as Owner
    await expireLeases()
    const second = (await take(naive)) as Owner
    expect(await finish(timeOnly, second)).toBe(true)
    expect(await finish(timeOnly, first)).toBe(true)
  })
})

test('repeated writes of one owner take effect once', async () => {
  await insertDue()
  const owner = (await take()) as Owner
  const wrote = await Promise.all(Array.from({ length: 5 }, () => finish(fencingNumber, owner)))
  expect(wrote.filter(Boolean)).toHaveLength(1)
})

describe('a takeover together with a key', () => {
  const takeOver = (db: OwnTables['pool'], id: string) =>
    db.query<Owner>(
      `WITH claimed AS (SELECT $1::uuid AS subject_id), ${work.takeOver('claimed')}
       SELECT id, attempt FROM resumed`,
      [id],
    )

  test('raises the number of open work', async () => {
    const [id = ''] = await insertDue()
    expect((await takeOver(database.pool, id)).rows).toEqual([{ id, attempt: 2 }])
  })

  test('skips a row that its owner is writing, without waiting', async () => {
    const [id = ''] = await insertDue()
    await inTransaction(database.pool, async tx => {
      await tx.query('SELECT FROM work WHERE id = $1 FOR UPDATE', [id])
      expect((await takeOver(database.pool, id)).rows).toEqual([])
    })
  })
})
