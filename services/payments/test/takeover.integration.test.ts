import { randomUUID } from 'node:crypto'
import { obligation } from '@nightshift/patterns/durable-refund/durable-refund'
import { refundInRequest } from '@nightshift/patterns/durable-refund/naive'
import type { Obligation } from '@nightshift/patterns/durable-refund/types'
import { idempotencyKeys } from '@nightshift/patterns/idempotency-key/idempotency-key'
import { publishAfterCommit } from '@nightshift/patterns/outbox/naive'
import { inTransaction } from '@nightshift/runtime/postgres/postgres'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { refundEntries, taxOfRefund } from '../src/domain/ledger.ts'
import { changeOf } from '../src/domain/payment-change.ts'
import type { KeyedRefund, RefundClaim, RefundPaymentDeps } from '../src/flows/refund-payment.ts'
import { paymentAnswer } from '../src/http/payment-answer.ts'
import { refundAnswer } from '../src/http/refund-answer.ts'
import { askAgainLater } from '../src/store/ask-again-later.ts'
import { postponeCheck } from '../src/store/payments.ts'
import { refundPhases } from '../src/store/refund-phases.ts'
import { postponeRefund } from '../src/store/refunds.ts'
import { stepByStepPhases } from '../src/store/variants/step-by-step.ts'
import { newKey } from './payment-of.ts'
import {
  claimOne,
  leaseLeftMs,
  leaseMs,
  letTheLeaseRunOut,
  newWish,
  openPhaseDatabase,
  type PhaseDatabase,
  tenantId,
  tryToClaim,
  untilALockIsWaitedFor,
} from './phase-database.ts'

let database: PhaseDatabase
const keys = idempotencyKeys(leaseMs)
const firstCheckMs = 60_000
const enoughTime = deadlineIn(60_000)
const nextCheck = { baseMs: 1_000, capMs: 1_000, retryAfterMs: 0 }

beforeAll(async () => {
  database = await openPhaseDatabase(inject('parts'))
})
afterAll(() => database[Symbol.asyncDispose]())

describe('the key of a payment', () => {
  const giveUp = (payment: { paymentId: string; attempt: number }) =>
    askAgainLater(database.pool, {
      postpone: tx => postponeCheck(tx, payment, nextCheck),
      release: tx => keys.release(tx, payment.paymentId),
    })

  test('is given back by whoever works on it', async () => {
    const payment = await claimOne(database.pool, newWish())
    await giveUp(payment)
    expect(await leaseLeftMs(database.pool, payment.paymentId)).toBeLessThan(0)
  })

  test('is not given back by whoever was overtaken', async () => {
    const wish = newWish()
    const first = await claimOne(database.pool, wish)
    await letTheLeaseRunOut(database.pool, first.paymentId)
    const second = await claimOne(database.pool, wish)
    expect([second.paymentId, second.attempt]).toEqual([first.paymentId, 2])
    await giveUp(first)
    expect(await leaseLeftMs(database.pool, first.paymentId)).toBeGreaterThan(0)
    expect(await tryToClaim(database.pool, wish)).toMatchObject({ kind: 'in_progress' })
  })
})

test('step by step, too, whoever takes a payment over has a higher number', async () => {
  const { pool } = database
  const { claim, settle } = stepByStepPhases({
    ...{ pool, keys, firstCheckMs, changeOf, isBacklogFull: () => false },
    announcements: publishAfterCommit(pool, 'none', async () => {}),
    answerOf: paymentAnswer,
    eventOf: () => undefined,
  })
  const wish = newWish()
  const begin = async () => {
    const one = await claim(wish, enoughTime)
    if (one.kind !== 'claimed') throw new Error(`not claimed: ${one.kind}`)
    return one.payment
  }
  const first = await begin()
  await letTheLeaseRunOut(pool, first.paymentId)
  const second = await begin()
  expect([second.paymentId, second.attempt]).toEqual([first.paymentId, 2])
  expect(await settle(first, { kind: 'declined', reason: 'card_declined' })).toEqual(second)
})

describe('a refund', () => {
  const phases = (by: Obligation = obligation) =>
    refundPhases({
      ...{ pool: database.pool, keys, obligation: by, firstCheckMs },
      ...{ answerOf: refundAnswer, entriesOf: refundEntries, taxOf: taxOfRefund },
    })

  async function newRefund(): Promise<KeyedRefund> {
    const paymentId = randomUUID()
    await database.pool.query(
      `INSERT INTO payments (payment_id, tenant_id, listing_id, publication_id, amount_cents,
         currency, status, provider_payment_id)
       VALUES ($1::uuid, $2, $2, $2, 9900, 'EUR', 'captured', 'pi_' || $1::text)`,
      [paymentId, tenantId],
    )
    return { tenantId, paymentId, key: newKey(), request: { reason: 'duplicate' } }
  }

  async function owed(claim: RefundPaymentDeps['claim'], keyed: KeyedRefund) {
    const one = await claim(keyed, enoughTime)
    if (one.kind !== 'claimed') throw new Error(`not claimed: ${one.kind}`)
    return one.refund
  }

  test('that is taken over has a higher number, and whoever was overtaken writes nothing', async () => {
    const { claim, settle } = phases()
    const keyed = await newRefund()
    const first = await owed(claim, keyed)
    await letTheLeaseRunOut(database.pool, first.refundId)
    const second = await owed(claim, keyed)
    expect([second.refundId, second.attempt]).toEqual([first.refundId, first.attempt + 1])
    expect(await settle(first, 're_first')).toMatchObject({ status: 'pending', attempt: 2 })
    expect(await settle(second, 're_second')).toMatchObject({ status: 'succeeded' })
  })

  test('keeps its key while whoever was overtaken gives up', async () => {
    const { claim } = phases()
    const keyed = await newRefund()
    const first = await owed(claim, keyed)
    await letTheLeaseRunOut(database.pool, first.refundId)
    await owed(claim, keyed)
    await askAgainLater(database.pool, {
      postpone: tx => postponeRefund(tx, first, nextCheck),
      release: tx => keys.release(tx, first.refundId),
    })
    expect(await leaseLeftMs(database.pool, first.refundId)).toBeGreaterThan(0)
  })

  test('of all that is left takes what is left when its turn comes, and is not refused', async () => {
    const { claim } = phases()
    const keyed = await newRefund()
    let whole: Promise<RefundClaim> | undefined
    await inTransaction(database.pool, async tx => {
      await tx.query('UPDATE payments SET refunded_cents = 100 WHERE payment_id = $1', [
        keyed.paymentId,
      ])
      whole = claim(keyed, enoughTime)
      await untilALockIsWaitedFor(database.pool)
    })
    expect(await whole).toMatchObject({ kind: 'claimed', refund: { amountCents: 9_800 } })
  })

  test('that somebody writes to is not taken over, nor waited for', async () => {
    const { claim } = phases()
    const keyed = await newRefund()
    const { refundId } = await owed(claim, keyed)
    await letTheLeaseRunOut(database.pool, refundId)
    const claimed = await inTransaction(database.pool, async tx => {
      await tx.query('SELECT FROM refunds WHERE refund_id = $1 FOR NO KEY UPDATE', [refundId])
      return claim(keyed, enoughTime)
    })
    expect(claimed).toEqual({ kind: 'in_progress', retryAfterMs: 0 })
    expect(await leaseLeftMs(database.pool, refundId)).toBeLessThan(0)
  })

  test('of the naive twin is written down when it is paid, and its key finds nothing', async () => {
    const { claim, settle } = phases(refundInRequest)
    const keyed = await newRefund()
    const request = { ...keyed.request, amountCents: 100 }
    const first = await owed(claim, { ...keyed, request })
    expect(await settle(first, 're_naive')).toMatchObject({ status: 'succeeded' })
    const second = await owed(claim, { ...keyed, request })
    expect(second.refundId).not.toBe(first.refundId)
  })
})
