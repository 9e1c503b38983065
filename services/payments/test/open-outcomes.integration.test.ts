import { randomUUID } from 'node:crypto'
import { as, call, eventually, setProviderFaults } from '@nightshift/load-tests/harness/test-client'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { actAtProvider, actsFor } from './act-at-provider.ts'
import { ledgerOf, type OpenPayments, openPayments } from './open-payments.ts'
import { newKey, paymentOf } from './payment-of.ts'

let payments: OpenPayments
let system: OpenPayments['system']
let db: OpenPayments['db']

beforeAll(async () => {
  payments = await openPayments(inject('parts'))
  ;({ system, db } = payments)
})
afterAll(() => payments[Symbol.asyncDispose]())
afterEach(() =>
  setProviderFaults(system, { silence: 'none', errorAfterRate: 0, keyWindowSeconds: 24 * 60 * 60 }),
)

const amountCents = 9_900
const at = (path: string) => `${system.urls.payments}${path}`
const post = (path: string, body?: object) => {
  const headers = as(system, 'acme', newKey())
  return call('POST', at(path), { headers, ...(body && { body }) })
}
const read = async (paymentId: string) =>
  (await call('GET', at(`/v1/payments/${paymentId}`), { headers: as(system, 'acme') })).json

async function pay(changes: object = {}): Promise<string> {
  return (await post('/v1/payments', paymentOf({ amountCents, ...changes }))).json.paymentId
}

async function rowOf(paymentId: string) {
  const { rows } = await db.query(
    'SELECT status, decline_reason, checks FROM payments WHERE payment_id = $1',
    [paymentId],
  )
  return rows[0]
}

const becomes = (paymentId: string, status: string) =>
  eventually(`payment ${paymentId} is ${status}`, async () =>
    (await rowOf(paymentId)).status === status ? true : undefined,
  )

/** A payment that somebody left open so long ago, and that is due for a look. */
async function openSince(hours: number, paymentId = randomUUID()): Promise<string> {
  await db.query(
    `INSERT INTO payments (payment_id, tenant_id, listing_id, publication_id, amount_cents,
       currency, card_token, checks, created_at, next_check_at)
     VALUES ($1, $2, $3, $4, $5, 'EUR', 'pm_card_visa', 3, now() - $6 * interval '1 hour', now())`,
    [paymentId, randomUUID(), randomUUID(), randomUUID(), amountCents, hours],
  )
  return paymentId
}

/** Money owed back for so long, and due for another try. */
async function owedSince(hours: number, paymentId: string, refundId = randomUUID()) {
  await db.query('UPDATE payments SET refunded_cents = $2 WHERE payment_id = $1', [
    paymentId,
    amountCents,
  ])
  await db.query(
    `INSERT INTO refunds (refund_id, tenant_id, payment_id, amount_cents, tax_cents, reason, checks,
       created_at, next_check_at)
     SELECT $2, tenant_id, payment_id, amount_cents, 0, 'duplicate', 3,
       now() - $3 * interval '1 hour', now() FROM payments WHERE payment_id = $1`,
    [paymentId, refundId, hours],
  )
  return refundId
}

const isGivenBack = (refundId: string) =>
  eventually(`refund ${refundId} is given back`, async () => {
    const { rows } = await db.query('SELECT status FROM refunds WHERE refund_id = $1', [refundId])
    return rows[0].status === 'succeeded' ? true : undefined
  })

/** The provider charges for a payment under our key, and then forgets the key. */
async function chargeAndForget(paymentId: string, changes: object = {}) {
  const form = { amount: String(amountCents), currency: 'eur', payment_method: 'pm_card_visa' }
  const metadata = { 'metadata[payment_id]': paymentId }
  const asked = { ...form, confirm: 'true', ...metadata, ...changes }
  const intent = await actAtProvider(system, '/payment_intents', asked, `payment-${paymentId}`)
  await forgetKeys()
  return intent
}

async function forgetKeys() {
  const askedAt = Date.now()
  await setProviderFaults(system, { keyWindowSeconds: 1 })
  await eventually('the provider has forgotten its keys', async () =>
    Date.now() - askedAt > 1_100 ? true : undefined,
  )
}

describe('a payment that is older than the provider remembers its key', () => {
  test('was charged: it is captured, and not charged again', async () => {
    const paymentId = randomUUID()
    await chargeAndForget(paymentId)
    await openSince(25, paymentId)
    await becomes(paymentId, 'captured')
    expect(await actsFor(system, paymentId)).toEqual(['intent.succeeded'])
    expect((await ledgerOf(db, paymentId))['fees']).toBeGreaterThan(0)
  })

  test('holds money: it is authorized, and held once', async () => {
    const paymentId = randomUUID()
    await chargeAndForget(paymentId, { capture_method: 'manual' })
    await openSince(25, paymentId)
    await becomes(paymentId, 'authorized')
    expect(await actsFor(system, paymentId)).toEqual(['intent.authorized'])
  })

  test('held money that was let go: it is declined, and nothing was charged', async () => {
    const paymentId = randomUUID()
    const intent = await chargeAndForget(paymentId, { capture_method: 'manual' })
    await actAtProvider(system, `/payment_intents/${intent.id}/cancel`)
    await openSince(25, paymentId)
    await becomes(paymentId, 'declined')
    expect((await rowOf(paymentId)).decline_reason).toBe('expired')
  })

  test('never reached the provider: it is declined, and is not sent any more', async () => {
    const paymentId = await openSince(25)
    await becomes(paymentId, 'declined')
    expect((await rowOf(paymentId)).decline_reason).toBe('expired')
    expect(await actsFor(system, paymentId)).toEqual([])
  })

  test('may still be on its way there: that nobody finds it is no end', async () => {
    const paymentId = await openSince(23.5)
    await eventually('it was looked for, twice', async () =>
      (await rowOf(paymentId)).checks >= 5 ? true : undefined,
    )
    expect((await rowOf(paymentId)).status).toBe('pending')
    expect(await actsFor(system, paymentId)).toEqual([])
  })
})

test('a provider that answers 500 to each question is asked in another way, and charges once', async () => {
  await setProviderFaults(system, { errorAfterRate: 1 })
  const paymentId = await pay()
  await becomes(paymentId, 'captured')
  expect(await actsFor(system, paymentId)).toEqual(['intent.succeeded'])
  await setProviderFaults(system, { errorAfterRate: 0 })
})

describe('a refund that is older than the provider remembers its key', () => {
  test('was made: it is done, and not made again', async () => {
    const paymentId = await pay()
    const { rows } = await db.query(
      'SELECT provider_payment_id FROM payments WHERE payment_id = $1',
      [paymentId],
    )
    const refundId = randomUUID()
    const form = { payment_intent: rows[0].provider_payment_id, 'metadata[refund_id]': refundId }
    await actAtProvider(system, '/refunds', form, `refund-${refundId}`)
    await forgetKeys()
    await owedSince(25, paymentId, refundId)
    await isGivenBack(refundId)
    expect(await actsFor(system, paymentId)).toEqual(['intent.succeeded', 'refund.succeeded'])
  })

  test('was never made: it is made, once', async () => {
    const paymentId = await pay()
    await isGivenBack(await owedSince(25, paymentId))
    expect(await actsFor(system, paymentId)).toEqual(['intent.succeeded', 'refund.succeeded'])
  })
})

describe('money that is held here, and at the provider no longer', () => {
  const hold = async () => {
    const paymentId = await pay({ captureMethod: 'manual' })
    const { rows } = await db.query(
      'SELECT provider_payment_id AS id FROM payments WHERE payment_id = $1',
      [paymentId],
    )
    return { paymentId, intent: `/payment_intents/${rows[0].id}` }
  }

  test('was let go there: it is voided, and whoever wants to capture it is told', async () => {
    const { paymentId, intent } = await hold()
    await actAtProvider(system, `${intent}/cancel`)
    for (const _ of ['found out', 'known']) {
      const { status, json } = await post(`/v1/payments/${paymentId}/capture`)
      expect([status, json.type]).toEqual([409, '/problems/payment-not-authorized'])
      expect(json.detail).toContain('voided')
    }
    expect(await read(paymentId)).toMatchObject({ status: 'voided' })
    expect((await post(`/v1/payments/${paymentId}/void`)).status).toBe(200)
    expect(await ledgerOf(db, paymentId)).toEqual({})
  })

  test('was taken there: it is captured, with its fee, whatever was wanted', async () => {
    const { paymentId, intent } = await hold()
    await actAtProvider(system, `${intent}/capture`)
    const { status, json } = await post(`/v1/payments/${paymentId}/void`)
    expect([status, json.type]).toEqual([409, '/problems/payment-not-authorized'])
    expect(await read(paymentId)).toMatchObject({ status: 'captured' })
    const { fees = 0, revenue } = await ledgerOf(db, paymentId)
    expect([fees > 0, revenue]).toEqual([true, -amountCents])
  })

  test('is found out by the reconciler when the request did not hear of it', async () => {
    const { paymentId, intent } = await hold()
    await actAtProvider(system, `${intent}/cancel`)
    await setProviderFaults(system, { silence: 'before' })
    expect((await post(`/v1/payments/${paymentId}/capture`)).status).toBe(202)
    const { status, json } = await post(`/v1/payments/${paymentId}/void`)
    expect([status, json.detail]).toEqual([409, expect.stringContaining('opposite')])
    await setProviderFaults(system, { silence: 'none' })
    await becomes(paymentId, 'voided')
  })

  test('was taken in part there: no other amount is written down, and a person has to look', async () => {
    const { paymentId, intent } = await hold()
    await actAtProvider(system, `${intent}/capture`, { amount_to_capture: '100' })
    expect((await post(`/v1/payments/${paymentId}/capture`)).status).toBe(202)
    expect(await read(paymentId)).toMatchObject({ status: 'authorized' })
    expect(await ledgerOf(db, paymentId)).toEqual({})
    expect(await system.logs('payments')).toContain('100 of 9900')
  })
})

test('money that somebody gave back by hand stays owed, and a person is told', async () => {
  const paymentId = await pay()
  const { rows } = await db.query(
    'SELECT provider_payment_id FROM payments WHERE payment_id = $1',
    [paymentId],
  )
  await actAtProvider(system, '/refunds', { payment_intent: rows[0].provider_payment_id })
  const { status, json } = await post(`/v1/payments/${paymentId}/refunds`, { reason: 'duplicate' })
  expect([status, json.status]).toEqual([202, 'pending'])
  const logs = await eventually('it is in the log', async () => {
    const lines = (await system.logs('payments')).split('\n')
    return lines.find(line => line.includes('"refund.blocked"') && line.includes(json.refundId))
  })
  expect(logs).toContain('nothing_left')
  const metrics = await fetch(`${system.urls.paymentsOperations}/metrics`)
  expect(await metrics.text()).toMatch(/refunds_blocked_total\{reason="nothing_left".*\} [1-9]/)
  expect(await ledgerOf(db, paymentId)).not.toHaveProperty('refunds')
})

test('the age of the oldest open payment is shown', async () => {
  await openSince(23.5)
  await eventually('the gauge shows it', async () => {
    const metrics = await fetch(`${system.urls.paymentsOperations}/metrics`)
    const [, seconds] =
      /payments_oldest_open_seconds\{.*\} ([\d.]+)/.exec(await metrics.text()) ?? []
    return Number(seconds) > 80_000 ? true : undefined
  })
})
