import { waitUntilBlocked } from '@nightshift/load-tests/harness/count-blocked'
import { fencingNumber } from '@nightshift/patterns/lease/lease'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { Payment } from '../src/domain/payment.ts'
import { commitPayments } from '../src/store/commit-payments.ts'
import {
  claimOne,
  declined,
  expireLease,
  newRequest,
  openStoreDatabase,
  type StoreDatabase,
  tryToClaim,
} from './store-database.ts'

let database: StoreDatabase

beforeAll(async () => {
  database = await openStoreDatabase(inject('parts'))
})
afterAll(() => database[Symbol.asyncDispose]())

const lockPayment = 'SELECT FROM payments WHERE payment_id = $1 FOR NO KEY UPDATE'
const lockKey = 'SELECT FROM idempotency_keys WHERE subject_id = $1 FOR NO KEY UPDATE'

/** Runs `work` while another transaction locks the row. */
async function whileLocked(lock: string, id: string, work: () => Promise<void>): Promise<void> {
  const other = await database.pool.connect()
  try {
    await other.query('BEGIN')
    await other.query(lock, [id])
    await work()
  } finally {
    await other.query('ROLLBACK')
    other.release()
  }
}

/** Two payments in the order in which a batch must lock them. */
async function twoPayments(orderedBy: 'id' | 'key'): Promise<[Payment, Payment]> {
  const claimed = await Promise.all(
    [newRequest(), newRequest()].map(async request => ({
      key: request.key,
      payment: await claimOne(database.pool, request),
    })),
  )
  const orderOf = (one: (typeof claimed)[number]) =>
    orderedBy === 'id' ? one.payment.paymentId : one.key
  const [first, last] = claimed.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1))
  if (!first || !last) throw new Error('two payments were claimed')
  return [first.payment, last.payment]
}

const commit = (...payments: Payment[]) => {
  const changes = payments.map(payment => ({ ...declined(payment), staged: undefined }))
  return commitPayments(database.pool, fencingNumber, changes)
}

test.each([
  ['payments by their ids', 'id', lockPayment],
  ['keys in the order in which batches claim them', 'key', lockKey],
] as const)('a commit of several payments locks %s', async (_what, orderedBy, lock) => {
  const [first, last] = await twoPayments(orderedBy)
  let committing: Promise<boolean[]> | undefined
  await whileLocked(lock, first.paymentId, async () => {
    committing = commit(last, first)
    await waitUntilBlocked(database.pool)
    await database.pool.query(`${lock} NOWAIT`, [last.paymentId])
  })
  expect(await committing).toEqual([true, true])
})

test('a claim does not wait for a payment whose owner is committing', async () => {
  const request = newRequest()
  const payment = await claimOne(database.pool, request)
  await expireLease(database.pool, payment.paymentId)
  await whileLocked(lockPayment, payment.paymentId, async () => {
    expect(await tryToClaim(database.pool, request)).toMatchObject({ kind: 'in_progress' })
  })
})
