import { waitUntilBlocked } from '@nightshift/load-tests/harness/count-blocked'
import { keyHashOf } from '@nightshift/patterns/idempotency-key/fingerprint'
import { type Deadline, deadlineIn } from '@nightshift/runtime/process/deadline'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { KeyedPayment } from '../src/flows/take-payment.ts'
import { takePaymentRoute } from '../src/store/claim-payments.ts'
import {
  beginMinMs,
  enoughTime,
  newRequest,
  openStore,
  openStoreDatabase,
  type StoreDatabase,
} from './store-database.ts'

let database: StoreDatabase

beforeAll(async () => {
  database = await openStoreDatabase(inject('parts'))
})
afterAll(() => database[Symbol.asyncDispose]())

/**
 * Runs `work` while another transaction locks the key. A claim of this key waits, with its batch.
 */
async function whileKeyIsLocked(keyed: KeyedPayment, work: () => Promise<void>): Promise<void> {
  const other = await database.pool.connect()
  try {
    await other.query('BEGIN')
    const { rowCount } = await other.query(
      'SELECT FROM idempotency_keys WHERE tenant_id = $1 AND key = $2 FOR UPDATE',
      [keyed.tenantId, keyed.key],
    )
    expect(rowCount).toBe(1)
    await work()
  } finally {
    await other.query('ROLLBACK')
    other.release()
  }
}

/** A key whose lease has ended. The next claim updates its row, and so waits for a lock on it. */
async function abandonedKey(): Promise<KeyedPayment> {
  const keyed = newRequest()
  expect(await openStore(database.pool).claim(keyed, enoughTime)).toMatchObject({ kind: 'claimed' })
  await database.pool.query(
    `UPDATE idempotency_keys SET leased_until = now() - interval '1 s' WHERE key = $1`,
    [keyed.key],
  )
  return keyed
}

async function countPayments({ tenantId, key }: KeyedPayment): Promise<number> {
  const { rows } = await database.pool.query(
    `SELECT count(*)::integer AS count FROM payments WHERE tenant_id = $1 AND key_hash = $2`,
    [tenantId, keyHashOf(takePaymentRoute, key)],
  )
  return rows[0].count
}

test('a claim succeeds although the look-up for another request of its batch fails', async () => {
  const locked = await abandonedKey()
  const inProgress = newRequest()
  await openStore(database.pool).claim(inProgress, enoughTime)
  // All look-ups fail, because this database does not exist.
  const lookUps = new pg.Pool({ host: '127.0.0.1', port: 1, connectionTimeoutMillis: 500 })
  const { claim } = openStore(database.pool, { lookUps })
  const winner = newRequest()
  let claims: Promise<PromiseSettledResult<unknown>[]> | undefined
  await whileKeyIsLocked(locked, async () => {
    void claim(locked, enoughTime)
    await waitUntilBlocked(database.pool)
    // These two wait for the batch in progress, and so share the next one.
    claims = Promise.allSettled([winner, inProgress].map(keyed => claim(keyed, enoughTime)))
  })
  const [won, lost] = (await claims) ?? []
  expect(won).toMatchObject({ status: 'fulfilled', value: { kind: 'claimed' } })
  expect(lost).toMatchObject({ status: 'rejected' })
  await lookUps.end()
})

test('a request whose time ends in the queue is not claimed', async () => {
  const locked = await abandonedKey()
  const { claim } = openStore(database.pool)
  const late = newRequest()
  let leftMs = 60_000
  const deadline: Deadline = { remainingMs: () => leftMs }
  let claims: Promise<unknown[]> | undefined
  await whileKeyIsLocked(locked, async () => {
    const first = claim(locked, enoughTime)
    await waitUntilBlocked(database.pool)
    claims = Promise.all([first, claim(late, deadline)])
    leftMs = beginMinMs - 1
  })
  expect(await claims).toMatchObject([{ kind: 'claimed' }, { kind: 'overloaded' }])
  expect(await countPayments(late)).toBe(0)
  // Its key is still unused.
  expect(await claim(late, enoughTime)).toMatchObject({ kind: 'claimed' })
})

test('a claim that waits for a lock ends at the deadline of its caller', async () => {
  const locked = await abandonedKey()
  const { claim } = openStore(database.pool)
  await whileKeyIsLocked(locked, async () => {
    const startedMs = performance.now()
    await expect(claim(locked, deadlineIn(300))).rejects.toMatchObject({
      code: expect.stringMatching(/^(55P03|57014)$/),
    })
    // Without the deadline, the pool of this test would wait for 5 s.
    expect(performance.now() - startedMs).toBeLessThan(2_500)
  })
  expect(await claim(locked, enoughTime)).toMatchObject({ kind: 'claimed' })
})
