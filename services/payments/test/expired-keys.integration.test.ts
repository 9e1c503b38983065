import {
  as,
  call,
  chargesFor,
  eventually,
  setProviderFaults,
} from '@nightshift/load-tests/harness/test-client'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { type OpenPayments, openPayments } from './open-payments.ts'
import { newKey, paymentOf } from './payment-of.ts'

let payments: OpenPayments
let system: OpenPayments['system']
let db: OpenPayments['db']

beforeAll(async () => {
  payments = await openPayments(inject('parts'))
  ;({ system, db } = payments)
})
afterAll(() => payments[Symbol.asyncDispose]())
afterEach(() => setProviderFaults(system, { silence: 'none' }))

function pay(body: object, key: string) {
  const url = `${system.urls.payments}/v1/payments`
  return call('POST', url, { headers: as(system, 'acme', key), body })
}

function refund(paymentId: string, body: object, key: string) {
  const url = `${system.urls.payments}/v1/payments/${paymentId}/refunds`
  const request = { reason: 'requested_by_customer', ...body }
  return call('POST', url, { headers: as(system, 'acme', key), body: request })
}

async function read(path: string) {
  return (await call('GET', `${system.urls.payments}${path}`, { headers: as(system, 'acme') })).json
}

/** Deletes the row of a key, as the reaper does after a day. */
async function expire(key: string) {
  const { rowCount } = await db.query('DELETE FROM idempotency_keys WHERE key = $1', [key])
  expect(rowCount).toBe(1)
}

async function keyRows(key: string): Promise<number> {
  const { rowCount } = await db.query('SELECT FROM idempotency_keys WHERE key = $1', [key])
  return rowCount ?? 0
}

describe('a payment whose key has expired', () => {
  test('is charged once, and its current state is the answer', async () => {
    const [body, key] = [paymentOf(), newKey()]
    const first = await pay(body, key)
    await expire(key)
    for (const _ of [1, 2]) {
      const again = await pay(body, key)
      expect([again.status, again.json]).toEqual([201, first.json])
      expect(again.headers.get('idempotency-replayed')).toBe('true')
    }
    expect(await keyRows(key)).toBe(0)
    expect(await chargesFor(system, body.publicationId)).toHaveLength(1)
  })

  test('is never the answer to another body', async () => {
    const [body, key] = [paymentOf(), newKey()]
    const first = await pay(body, key)
    await expire(key)
    const other = await pay({ ...body, amountCents: 100_000 }, key)
    expect([other.status, other.json.type]).toEqual([422, '/problems/idempotency-key-reused'])
    expect(await keyRows(key)).toBe(0)
    expect((await pay(body, key)).json).toEqual(first.json)
  })

  test('stays declined if it was declined', async () => {
    const [body, key] = [paymentOf({ cardToken: 'pm_card_chargeDeclined' }), newKey()]
    const first = await pay(body, key)
    await expire(key)
    const again = await pay(body, key)
    expect([again.status, again.text]).toEqual([402, first.text])
  })

  test('is not begun again while it is pending', async () => {
    await setProviderFaults(system, { silence: 'before' })
    const [body, key] = [paymentOf(), newKey()]
    const first = await pay(body, key)
    expect(first.status).toBe(202)
    await expire(key)
    expect((await pay(body, key)).status).toBe(409)
    expect((await pay({ ...body, amountCents: 51 }, key)).status).toBe(422)
    expect(await keyRows(key)).toBe(0)
    await setProviderFaults(system, { silence: 'none' })
    const again = await eventually('the payment is final', async () => {
      const answer = await pay(body, key)
      return answer.status === 201 ? answer : undefined
    })
    expect(again.json.paymentId).toBe(first.json.paymentId)
    expect(await chargesFor(system, body.publicationId)).toHaveLength(1)
  })
})

describe('a refund whose key has expired', () => {
  test('is made once, and its current state is the answer', async () => {
    const { paymentId } = (await pay(paymentOf(), newKey())).json
    const key = newKey()
    const first = await refund(paymentId, { amountCents: 100 }, key)
    await expire(key)
    const again = await refund(paymentId, { amountCents: 100 }, key)
    expect([again.status, again.json]).toEqual([201, first.json])
    expect(await keyRows(key)).toBe(0)
    expect((await read(`/v1/payments/${paymentId}`)).refundedCents).toBe(100)
  })

  test('is found even if nothing is left to refund', async () => {
    const { paymentId } = (await pay(paymentOf(), newKey())).json
    const key = newKey()
    const first = await refund(paymentId, {}, key)
    await expire(key)
    const again = await refund(paymentId, {}, key)
    expect([again.status, again.json]).toEqual([201, first.json])
  })

  test('is not the answer to another body', async () => {
    const { paymentId } = (await pay(paymentOf(), newKey())).json
    const key = newKey()
    await refund(paymentId, { amountCents: 100 }, key)
    await expire(key)
    const other = await refund(paymentId, { amountCents: 101 }, key)
    expect([other.status, other.json.type]).toEqual([422, '/problems/idempotency-key-reused'])
    expect((await refund(paymentId, { amountCents: 100 }, key)).status).toBe(201)
    expect((await read(`/v1/payments/${paymentId}`)).refundedCents).toBe(100)
  })

  test('is found by two concurrent attempts', async () => {
    const { paymentId } = (await pay(paymentOf(), newKey())).json
    const key = newKey()
    await refund(paymentId, { amountCents: 100 }, key)
    await expire(key)
    const repeat = () => refund(paymentId, { amountCents: 100 }, key)
    const both = await Promise.all([repeat(), repeat()])
    expect(both.map(({ status }) => status)).toEqual([201, 201])
    expect((await read(`/v1/payments/${paymentId}`)).refundedCents).toBe(100)
  })
})
