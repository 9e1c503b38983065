import { keyHashOf } from '@nightshift/patterns/idempotency-key/key-hash'
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
  untilALockIsWaitedFor,
} from './store-database.ts'

let database: StoreDatabase

beforeAll(async () => {
  database = await openStoreDatabase(inject('parts'))
})
afterAll(() => database[Symbol.asyncDispose]())

/** Another transaction has the key, so the claim that needs it waits, and its batch with it. */
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

/** The next claim of this key has to write to the row of the key, and so to wait for it. */
async function claimedAndAbandoned(): Promise<KeyedPayment> {
  const keyed = newRequest()
  expect(await openStore(database.pool).claim(keyed, enoughTime)).toMatchObject({ kind: 'claimed' })
  await database.pool.query(
    `UPDATE idempotency_keys SET leased_until = now() - interval '1 s' WHERE key = $1`,
    [keyed.key],
  )
  return keyed
}

async function paymentsOf({ tenantId, key }: KeyedPayment): Promise<number> {
  const { rows } = await database.pool.query(
    `SELECT count(*)::integer AS count FROM payments WHERE tenant_id = $1 AND key_hash = $2`,
    [tenantId, keyHashOf(takePaymentRoute, key)],
  )
  return rows[0].count
}

test('the winner of a key is answered, although the look-up of a loser in its batch fails', async () => {
  const holder = await claimedAndAbandoned()
  const known = newRequest()
  await openStore(database.pool).claim(known, enoughTime)
  // All look-ups fail: there is no such database.
  const lookUps = new pg.Pool({ host: '127.0.0.1', port: 1, connectionTimeoutMillis: 500 })
  const { claim } = openStore(database.pool, { lookUps })
  const winner = newRequest()
  let claims: Promise<PromiseSettledResult<unknown>[]> | undefined
  await whileKeyIsLocked(holder, async () => {
    void claim(holder, enoughTime)
    await untilALockIsWaitedFor(database.pool)
    // These two wait for the batch before them, and so share the next one.
    claims = Promise.allSettled([winner, known].map(keyed => claim(keyed, enoughTime)))
  })
  const [won, lost] = (await claims) ?? []
  expect(won).toMatchObject({ status: 'fulfilled', value: { kind: 'claimed' } })
  expect(lost).toMatchObject({ status: 'rejected' })
  await lookUps.end()
})

test('a request whose caller has left while it waited in the queue is not claimed', async () => {
  const holder = await claimedAndAbandoned()
  const { claim } = openStore(database.pool)
  const late = newRequest()
  let leftMs = 60_000
  const deadline: Deadline = { remainingMs: () => leftMs }
  let claims: Promise<unknown[]> | undefined
  await whileKeyIsLocked(holder, async () => {
    const first = claim(holder, enoughTime)
    await untilALockIsWaitedFor(database.pool)
    claims = Promise.all([first, claim(late, deadline)])
    leftMs = beginMinMs - 1
  })
  expect(await claims).toMatchObject([{ kind: 'claimed' }, { kind: 'overloaded' }])
  expect(await paymentsOf(late)).toBe(0)
  // Its key is still unused.
  expect(await claim(late, enoughTime)).toMatchObject({ kind: 'claimed' })
})

test('a claim that waits in the database ends with the deadline of its caller, not with the limit of the pool', async () => {
  const holder = await claimedAndAbandoned()
  const { claim } = openStore(database.pool)
  await whileKeyIsLocked(holder, async () => {
    const startedMs = performance.now()
    await expect(claim(holder, deadlineIn(300))).rejects.toMatchObject({
      code: expect.stringMatching(/^(55P03|57014)$/),
    })
    // The pool of this test would let it wait for 5 s.
    expect(performance.now() - startedMs).toBeLessThan(2_500)
  })
  expect(await claim(holder, enoughTime)).toMatchObject({ kind: 'claimed' })
})
