import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { fencing } from '../src/lease/lease.ts'
import { lastWriteWins } from '../src/lease/naive.ts'
import type { Fencing } from '../src/lease/types.ts'
import { openPatternDatabase, type PatternDatabase } from './pattern-database.ts'

let database: PatternDatabase

beforeAll(async () => {
  database = await openPatternDatabase(inject('parts').postgresUrl)
})
afterAll(() => database[Symbol.asyncDispose]())

type Writer = { paymentId: string; before: string; attempt: number }

async function pendingPayment(): Promise<Writer> {
  const paymentId = randomUUID()
  await database.pool.query(
    `INSERT INTO payments (payment_id, tenant_id, listing_id, publication_id, amount_cents, currency)
     VALUES ($1, $2, $2, $2, 9900, 'EUR')`,
    [paymentId, randomUUID()],
  )
  return { paymentId, before: 'pending', attempt: 1 }
}

async function overtake({ paymentId }: Writer): Promise<void> {
  const sql = 'UPDATE payments SET attempt = attempt + 1 WHERE payment_id = $1'
  await database.pool.query(sql, [paymentId])
}

/** Settles and posts as the service does, in one statement, and says whether it wrote. */
async function settle(by: Fencing, { paymentId, before, attempt }: Writer): Promise<boolean> {
  const { rowCount } = await database.pool.query(
    `WITH w AS (SELECT $1::uuid AS payment_id, $2::text AS before, $3::integer AS attempt),
     settled AS (
       UPDATE payments p SET status = 'captured', provider_payment_id = 'pi_' || p.payment_id,
         version = version + 1
       FROM w WHERE p.payment_id = w.payment_id AND ${by.isStillOurs('p', 'w')}
       RETURNING p.payment_id, p.tenant_id),
     posted AS (
       INSERT INTO ledger_transactions (tenant_id, source, source_id, payment_id)
       SELECT tenant_id, 'capture', ${by.postedFor('settled')}, payment_id FROM settled
       ON CONFLICT (source, source_id) DO NOTHING
       RETURNING transaction_id, tenant_id),
     entered AS (
       INSERT INTO ledger_entries (transaction_id, tenant_id, account, amount_cents, currency)
       SELECT transaction_id, tenant_id, account, amount_cents, 'EUR' FROM posted,
         (VALUES ('provider_clearing', 9900), ('revenue', -9900)) AS e (account, amount_cents))
     SELECT FROM settled`,
    [paymentId, before, attempt],
  )
  return rowCount === 1
}

async function postings({ paymentId }: Writer): Promise<number> {
  const sql = 'SELECT FROM ledger_transactions WHERE payment_id = $1'
  return (await database.pool.query(sql, [paymentId])).rowCount ?? 0
}

describe('whoever was overtaken', () => {
  test('writes nothing, and the one who overtook it does', async () => {
    const first = await pendingPayment()
    await overtake(first)
    expect(await settle(fencing, first)).toBe(false)
    expect(await postings(first)).toBe(0)
    expect(await settle(fencing, { ...first, attempt: 2 })).toBe(true)
    expect(await postings(first)).toBe(1)
  })

  test('writes nothing after the other one has', async () => {
    const first = await pendingPayment()
    await overtake(first)
    expect(await settle(fencing, { ...first, attempt: 2 })).toBe(true)
    expect(await settle(fencing, first)).toBe(false)
    expect(await postings(first)).toBe(1)
  })
})

test('the owner itself writes once, however often it tries', async () => {
  const owner = await pendingPayment()
  const wrote = await Promise.all(Array.from({ length: 5 }, () => settle(fencing, owner)))
  expect(wrote.filter(Boolean)).toHaveLength(1)
  expect(await postings(owner)).toBe(1)
})

test('the naive twin writes again, and the money is in the ledger twice', async () => {
  const first = await pendingPayment()
  await overtake(first)
  expect(await settle(lastWriteWins, { ...first, attempt: 2 })).toBe(true)
  expect(await settle(lastWriteWins, first)).toBe(true)
  expect(await postings(first)).toBe(2)
})
