import { createHmac, randomUUID } from 'node:crypto'
import { as, call, eventually } from '@nightshift/load-tests/harness/test-client'
import { heedEarlierWebhook } from '@nightshift/patterns/webhook-hint/webhook-hint'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { paymentsTable } from '../src/store/payment-row.ts'
import { type OpenPayments, openPayments } from './open-payments.ts'

let payments: OpenPayments
let system: OpenPayments['system']
let db: OpenPayments['db']

beforeAll(async () => {
  payments = await openPayments(inject('parts'))
  ;({ system, db } = payments)
})
afterAll(() => payments[Symbol.asyncDispose]())

const eventId = () => `evt_${randomUUID().replaceAll('-', '')}`
const amountCents = 9_900

/** Sends a signed webhook about a payment. Returns the status of the answer. */
async function send(id: string, payment: { paymentId: string; tenantId: string }): Promise<number> {
  const metadata = { payment_id: payment.paymentId, tenant_id: payment.tenantId }
  const object = { id: 'pi_any', amount: amountCents, currency: 'eur', metadata }
  const body = JSON.stringify({ id, type: 'payment_intent.succeeded', data: { object } })
  const t = Math.floor(Date.now() / 1_000)
  const secret = system.secrets.cardProviderWebhookSecret
  const v1 = createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')
  const headers = { 'content-type': 'application/json', 'stripe-signature': `t=${t},v1=${v1}` }
  const url = `${system.urls.payments}/v1/provider-webhooks`
  const signal = AbortSignal.timeout(5_000)
  return (await fetch(url, { method: 'POST', headers, body, signal })).status
}

/** A payment that its request has left open, and that is due in an hour. */
async function insertOpenPayment() {
  const payment = { paymentId: randomUUID(), tenantId: randomUUID() }
  await db.query(
    `INSERT INTO payments (payment_id, tenant_id, listing_id, publication_id, amount_cents,
       currency, card_token, checks, next_check_at)
     VALUES ($1, $2, $3, $4, $5, 'EUR', 'pm_card_visa', 1, now() + interval '1 hour')`,
    [payment.paymentId, payment.tenantId, randomUUID(), randomUUID(), amountCents],
  )
  return payment
}

test('a webhook that could not be recorded is accepted when it comes again', async () => {
  const payment = await insertOpenPayment()
  const id = eventId()
  await db.query('BEGIN')
  await db.query('SELECT FROM payments WHERE payment_id = $1 FOR UPDATE', [payment.paymentId])
  expect(await send(id, payment)).toBe(503)
  await db.query('ROLLBACK')
  expect(await send(id, payment)).toBe(204)
  await eventually('the payment was checked', async () => {
    const { rows } = await db.query('SELECT status FROM payments WHERE payment_id = $1', [
      payment.paymentId,
    ])
    return rows[0].status === 'captured' ? true : undefined
  })
})

test('work that a request leaves open is due at once if its webhook came before, and only once', async () => {
  const dueNow = async (checks: number, webhook?: 'before' | 'since') => {
    const { paymentId } = await insertOpenPayment()
    if (webhook) {
      await db.query(
        `INSERT INTO provider_webhooks (event_id, type, subject_id, received_at)
         VALUES ($1, 'payment_intent.succeeded', $2, now() - $3 * interval '1 minute')`,
        [eventId(), paymentId, webhook === 'before' ? 1 : 0],
      )
    }
    await db.query('UPDATE payments SET checks = $2 WHERE payment_id = $1', [paymentId, checks])
    await db.query('BEGIN')
    await heedEarlierWebhook(db, paymentId, paymentsTable)
    const { rows } = await db.query(
      'SELECT next_check_at <= now() AS is_due FROM payments WHERE payment_id = $1',
      [paymentId],
    )
    await db.query('ROLLBACK')
    return rows[0].is_due
  }
  expect(await dueNow(1, 'since')).toBe(true)
  expect(await dueNow(1)).toBe(false)
  expect(await dueNow(2, 'since')).toBe(false)
  expect(await dueNow(1, 'before'), 'it was about an earlier step').toBe(false)
})

test('a webhook about an unknown payment is recorded with the id of the payment', async () => {
  const id = eventId()
  const payment = { paymentId: randomUUID(), tenantId: randomUUID() }
  expect(await send(id, payment)).toBe(202)
  const { rows } = await db.query('SELECT subject_id FROM provider_webhooks WHERE event_id = $1', [
    id,
  ])
  expect(rows).toEqual([{ subject_id: payment.paymentId }])
})

test('a webhook about a refund, whose object is a charge, is recorded for its payment', async () => {
  const headers = () => as(system, 'acme', `test-${randomUUID()}`)
  const ids = { listingId: randomUUID(), publicationId: randomUUID() }
  const body = { ...ids, amountCents, currency: 'EUR', cardToken: 'pm_card_visa' }
  const url = `${system.urls.payments}/v1/payments`
  const { paymentId } = (await call('POST', url, { headers: headers(), body })).json
  const refund = { headers: headers(), body: { reason: 'duplicate', amountCents: 100 } }
  expect((await call('POST', `${url}/${paymentId}/refunds`, refund)).status).toBe(201)
  await eventually('the webhook is recorded', async () => {
    const { rows } = await db.query(
      `SELECT FROM provider_webhooks WHERE subject_id = $1 AND type = 'charge.refunded'`,
      [paymentId],
    )
    return rows.length === 1 ? true : undefined
  })
})
