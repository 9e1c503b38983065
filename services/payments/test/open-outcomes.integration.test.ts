import { randomUUID } from 'node:crypto'
import { as, call, eventually, setProviderFaults } from '@nightshift/load-tests/harness/test-client'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { actAtProvider, providerEventsOf } from './act-at-provider.ts'
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

/** A payment that was left open so many hours ago, and is due for a check. */
async function insertOpenPayment(hours: number, paymentId = randomUUID()): Promise<string> {
  await db.query(
    `INSERT INTO payments (payment_id, tenant_id, listing_id, publication_id, amount_cents,
       currency, card_token, checks, created_at, next_check_at)
     VALUES ($1, $2, $3, $4, $5, 'EUR', 'pm_card_visa', 3, now() - $6 * interval '1 hour', now())`,
    [paymentId, randomUUID(), randomUUID(), randomUUID(), amountCents, hours],
  )
  return paymentId
}

/** A refund that has been pending for so many hours, and is due for another attempt. */
async function insertPendingRefund(hours: number, paymentId: string, refundId = randomUUID()) {
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

const isMade = (refundId: string) =>
  eventually(`refund ${refundId} is made`, async () => {
    const { rows } = await db.query('SELECT status FROM refunds WHERE refund_id = $1', [refundId])
    return rows[0].status === 'succeeded' ? true : undefined
  })

/** The provider charges for a payment under our key. Then it forgets the key. */
async function chargeAndForget(paymentId: string, changes: object = {}) {
  const form = { amount: String(amountCents), currency: 'eur', payment_method: 'pm_card_visa' }
  const metadata = { 'metadata[payment_id]': paymentId }
  const charge = { ...form, confirm: 'true', ...metadata, ...changes }
  const intent = await actAtProvider(system, '/payment_intents', charge, `payment-${paymentId}`)
  await forgetKeys()
  return intent
}

async function forgetKeys() {
  const setAtMs = Date.now()
  await setProviderFaults(system, { keyWindowSeconds: 1 })
  await eventually('the provider has forgotten its keys', async () =>
    Date.now() - setAtMs > 1_100 ? true : undefined,
  )
}

describe('a payment whose key the provider has forgotten', () => {
  test('is captured and not charged again, if it was charged', async () => {
    const paymentId = randomUUID()
    await chargeAndForget(paymentId)
    await insertOpenPayment(25, paymentId)
    await becomes(paymentId, 'captured')
    expect(await providerEventsOf(system, paymentId)).toEqual(['intent.succeeded'])
    expect((await ledgerOf(db, paymentId))['fees']).toBeGreaterThan(0)
  })

  test('is authorized once, if it was authorized', async () => {
    const paymentId = randomUUID()
    await chargeAndForget(paymentId, { capture_method: 'manual' })
    await insertOpenPayment(25, paymentId)
    await becomes(paymentId, 'authorized')
    expect(await providerEventsOf(system, paymentId)).toEqual(['intent.authorized'])
  })

  test('is declined, if the authorization was voided', async () => {
    const paymentId = randomUUID()
    const intent = await chargeAndForget(paymentId, { capture_method: 'manual' })
    await actAtProvider(system, `/payment_intents/${intent.id}/cancel`)
    await insertOpenPayment(25, paymentId)
    await becomes(paymentId, 'declined')
    expect((await rowOf(paymentId)).decline_reason).toBe('expired')
  })

  test('is declined and not sent again, if it never reached the provider', async () => {
    const paymentId = await insertOpenPayment(25)
    await becomes(paymentId, 'declined')
    expect((await rowOf(paymentId)).decline_reason).toBe('expired')
    expect(await providerEventsOf(system, paymentId)).toEqual([])
  })

  test('stays pending while the last request may still be on its way', async () => {
    const paymentId = await insertOpenPayment(23.5)
    await eventually('two more checks were made', async () =>
      (await rowOf(paymentId)).checks >= 5 ? true : undefined,
    )
    expect((await rowOf(paymentId)).status).toBe('pending')
    expect(await providerEventsOf(system, paymentId)).toEqual([])
  })
})

test('a provider that answers every request with 500 charges once, because we search for the charge', async () => {
  await setProviderFaults(system, { errorAfterRate: 1 })
  const paymentId = await pay()
  await becomes(paymentId, 'captured')
  expect(await providerEventsOf(system, paymentId)).toEqual(['intent.succeeded'])
  await setProviderFaults(system, { errorAfterRate: 0 })
})

describe('a refund whose key the provider has forgotten', () => {
  test('is not made again, if it was made', async () => {
    const paymentId = await pay()
    const { rows } = await db.query(
      'SELECT provider_payment_id FROM payments WHERE payment_id = $1',
      [paymentId],
    )
    const refundId = randomUUID()
    const form = { payment_intent: rows[0].provider_payment_id, 'metadata[refund_id]': refundId }
    await actAtProvider(system, '/refunds', form, `refund-${refundId}`)
    await forgetKeys()
    await insertPendingRefund(25, paymentId, refundId)
    await isMade(refundId)
    expect(await providerEventsOf(system, paymentId)).toEqual([
      'intent.succeeded',
      'refund.succeeded',
    ])
  })

  test('is made once, if it was never made', async () => {
    const paymentId = await pay()
    await isMade(await insertPendingRefund(25, paymentId))
    expect(await providerEventsOf(system, paymentId)).toEqual([
      'intent.succeeded',
      'refund.succeeded',
    ])
  })
})

describe('an authorization that has ended at the provider', () => {
  const authorize = async () => {
    const paymentId = await pay({ captureMethod: 'manual' })
    const { rows } = await db.query(
      'SELECT provider_payment_id AS id FROM payments WHERE payment_id = $1',
      [paymentId],
    )
    return { paymentId, intent: `/payment_intents/${rows[0].id}` }
  }

  test('is voided here if it was voided there, and a capture gets a 409', async () => {
    const { paymentId, intent } = await authorize()
    await actAtProvider(system, `${intent}/cancel`)
    for (const _ of ['first', 'repeated']) {
      const { status, json } = await post(`/v1/payments/${paymentId}/capture`)
      expect([status, json.type]).toEqual([409, '/problems/payment-not-authorized'])
      expect(json.detail).toContain('voided')
    }
    expect(await read(paymentId)).toMatchObject({ status: 'voided' })
    expect((await post(`/v1/payments/${paymentId}/void`)).status).toBe(200)
    expect(await ledgerOf(db, paymentId)).toEqual({})
  })

  test('is captured here if it was captured there, with its fee, even if a void was requested', async () => {
    const { paymentId, intent } = await authorize()
    await actAtProvider(system, `${intent}/capture`)
    const { status, json } = await post(`/v1/payments/${paymentId}/void`)
    expect([status, json.type]).toEqual([409, '/problems/payment-not-authorized'])
    expect(await read(paymentId)).toMatchObject({ status: 'captured' })
    const { fees = 0, revenue } = await ledgerOf(db, paymentId)
    expect([fees > 0, revenue]).toEqual([true, -amountCents])
  })

  test('is found by the reconciler if the request got no answer', async () => {
    const { paymentId, intent } = await authorize()
    await actAtProvider(system, `${intent}/cancel`)
    await setProviderFaults(system, { silence: 'before' })
    expect((await post(`/v1/payments/${paymentId}/capture`)).status).toBe(202)
    const { status, json } = await post(`/v1/payments/${paymentId}/void`)
    expect([status, json.detail]).toEqual([409, expect.stringContaining('opposite')])
    await setProviderFaults(system, { silence: 'none' })
    await becomes(paymentId, 'voided')
  })

  test('stays authorized here if only a part was captured there, and an error is logged', async () => {
    const { paymentId, intent } = await authorize()
    await actAtProvider(system, `${intent}/capture`, { amount_to_capture: '100' })
    expect((await post(`/v1/payments/${paymentId}/capture`)).status).toBe(202)
    expect(await read(paymentId)).toMatchObject({ status: 'authorized' })
    expect(await ledgerOf(db, paymentId)).toEqual({})
    await eventually('the error is logged', async () =>
      (await system.logs('payments')).includes('100 of 9900') ? true : undefined,
    )
  })
})

test('a refund of money that was refunded by hand stays pending, and an error is logged', async () => {
  const paymentId = await pay()
  const { rows } = await db.query(
    'SELECT provider_payment_id FROM payments WHERE payment_id = $1',
    [paymentId],
  )
  await actAtProvider(system, '/refunds', { payment_intent: rows[0].provider_payment_id })
  const { status, json } = await post(`/v1/payments/${paymentId}/refunds`, { reason: 'duplicate' })
  expect([status, json.status]).toEqual([202, 'pending'])
  const line = await eventually('the error is in the log', async () => {
    const lines = (await system.logs('payments')).split('\n')
    return lines.find(one => one.includes('"refund.blocked"') && one.includes(json.refundId))
  })
  expect(line).toContain('nothing_left')
  const metrics = await fetch(`${system.urls.paymentsOperations}/metrics`)
  expect(await metrics.text()).toMatch(/refunds_blocked_total\{reason="nothing_left".*\} [1-9]/)
  expect(await ledgerOf(db, paymentId)).not.toHaveProperty('refunds')
})

test('a gauge shows the age of the oldest open payment', async () => {
  await insertOpenPayment(23.5)
  await eventually('the gauge shows the age', async () => {
    const metrics = await fetch(`${system.urls.paymentsOperations}/metrics`)
    const [, seconds] =
      /payments_oldest_open_seconds\{.*\} ([\d.]+)/.exec(await metrics.text()) ?? []
    return Number(seconds) > 80_000 ? true : undefined
  })
})
