import { fencing } from '@nightshift/patterns/lease/lease'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { Payment } from '../src/domain/payment.ts'
import { changeOf } from '../src/domain/payment-change.ts'
import { paymentAnswer } from '../src/http/payment-answer.ts'
import type { NewPayment } from '../src/store/claim-payments.ts'
import { newPaymentOf } from '../src/store/payment-phases.ts'
import { type PaymentChange, settlePayments } from '../src/store/settle-payments.ts'
import {
  claimOne,
  letTheLeaseRunOut,
  newWish,
  openPhaseDatabase,
  type PhaseDatabase,
  tryToClaim,
  untilALockIsWaitedFor,
} from './phase-database.ts'

let database: PhaseDatabase

beforeAll(async () => {
  database = await openPhaseDatabase(inject('parts'))
})
afterAll(() => database[Symbol.asyncDispose]())

const lockPayment = 'SELECT FROM payments WHERE payment_id = $1 FOR NO KEY UPDATE'
const lockKey = 'SELECT FROM idempotency_keys WHERE subject_id = $1 FOR NO KEY UPDATE'

function declined(before: Payment): PaymentChange {
  const { after } = changeOf(before, { kind: 'declined', reason: 'card_declined' })
  return { before, after, entries: [], answer: paymentAnswer(after), event: undefined }
}

/** Somebody else has the row, for as long as `work` takes. */
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

/** Claimed, and so written, in the order opposite to the one in which they are to be locked. */
async function twoPayments(orderedBy: 'paymentId' | 'key'): Promise<[Payment, Payment]> {
  const [first, last] = [newWish(), newWish()]
    .map(newPaymentOf)
    .toSorted((a, b) => (a[orderedBy] < b[orderedBy] ? -1 : 1)) as [NewPayment, NewPayment]
  const claimedFirst = await claimOne(database.pool, last)
  return [await claimOne(database.pool, first), claimedFirst]
}

test.each([
  ['payments by their ids', 'paymentId', lockPayment],
  ['keys in the order in which batches claim them', 'key', lockKey],
] as const)('a batch that settles takes %s', async (_what, orderedBy, lock) => {
  const [first, last] = await twoPayments(orderedBy)
  let settling: Promise<boolean[]> | undefined
  await whileLocked(lock, first.paymentId, async () => {
    settling = settlePayments(database.pool, [declined(last), declined(first)], fencing)
    await untilALockIsWaitedFor(database.pool)
    await database.pool.query(`${lock} NOWAIT`, [last.paymentId])
  })
  expect(await settling).toEqual([true, true])
})

test('a claim does not wait for a payment that is being settled: its owner is not silent', async () => {
  const wish = newWish()
  const payment = await claimOne(database.pool, wish)
  await letTheLeaseRunOut(database.pool, payment.paymentId)
  await whileLocked(lockPayment, payment.paymentId, async () => {
    expect(await tryToClaim(database.pool, wish)).toMatchObject({ kind: 'in_progress' })
  })
})
