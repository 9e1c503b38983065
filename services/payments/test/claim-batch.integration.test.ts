import { keyHashOf } from '@nightshift/patterns/idempotency-key/key-hash'
import { fencing } from '@nightshift/patterns/lease/lease'
import { naturalBatching } from '@nightshift/patterns/natural-batching/natural-batching'
import { publishAfterCommit } from '@nightshift/patterns/outbox/naive'
import { type Deadline, deadlineIn } from '@nightshift/runtime/process/deadline'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { changeOf } from '../src/domain/payment-change.ts'
import type { KeyedPayment } from '../src/flows/take-payment.ts'
import { paymentAnswer } from '../src/http/payment-answer.ts'
import { paymentPhases, takePaymentRoute } from '../src/store/payment-phases.ts'
import {
  newWish,
  openPhaseDatabase,
  type PhaseDatabase,
  untilALockIsWaitedFor,
} from './phase-database.ts'

let database: PhaseDatabase

beforeAll(async () => {
  database = await openPhaseDatabase(inject('parts'))
})
afterAll(() => database[Symbol.asyncDispose]())

const beginMinMs = 100
const enoughTime = deadlineIn(60_000)

/** Both phases over the real tables, with one lane, so that what comes while it is busy waits. */
function openPhases({ lookUps = database.pool }: { lookUps?: pg.Pool } = {}) {
  const { pool } = database
  const claim = { owner: 'test', leaseMs: 60_000, firstCheckMs: 60_000 }
  return paymentPhases({
    pool,
    lookUps,
    claim,
    beginMinMs,
    statementMaxMs: 2_000,
    lanesMax: 1,
    batchMax: 128,
    batching: naturalBatching,
    fencing,
    announcements: publishAfterCommit(pool, 'none', async () => {}),
    isBacklogFull: () => false,
    changeOf,
    answerOf: paymentAnswer,
    eventOf: () => undefined,
  })
}

/** Another transaction has the key, so the claim that wants it waits, and holds the lane. */
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
  const keyed = newWish()
  expect(await openPhases().claim(keyed, enoughTime)).toMatchObject({ kind: 'claimed' })
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

test('whoever has claimed a key hears of it, although the look-up of a loser in its batch fails', async () => {
  const holder = await claimedAndAbandoned()
  const known = newWish()
  await openPhases().claim(known, enoughTime)
  // All look-ups fail: there is no such database.
  const lookUps = new pg.Pool({ host: '127.0.0.1', port: 1, connectionTimeoutMillis: 500 })
  const { claim } = openPhases({ lookUps })
  const winner = newWish()
  let claims: Promise<PromiseSettledResult<unknown>[]> | undefined
  await whileKeyIsLocked(holder, async () => {
    void claim(holder, enoughTime)
    await untilALockIsWaitedFor(database.pool)
    // These two wait for the lane together, and so share the next batch.
    claims = Promise.allSettled([winner, known].map(keyed => claim(keyed, enoughTime)))
  })
  const [won, lost] = (await claims) ?? []
  expect(won).toMatchObject({ status: 'fulfilled', value: { kind: 'claimed' } })
  expect(lost).toMatchObject({ status: 'rejected' })
  await lookUps.end()
})

test('a request whose caller has left while it waited in the queue is not claimed', async () => {
  const holder = await claimedAndAbandoned()
  const { claim } = openPhases()
  const late = newWish()
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
  // Its key is as unused as before.
  expect(await claim(late, enoughTime)).toMatchObject({ kind: 'claimed' })
})

test('a claim that waits in the database ends with the deadline of its caller, not with the limit of the pool', async () => {
  const holder = await claimedAndAbandoned()
  const { claim } = openPhases()
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
