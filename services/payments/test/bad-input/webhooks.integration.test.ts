import { createHmac, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  type AttackedPayments,
  expectProblem,
  openAttackedPayments,
  type RawRequest,
} from './attacked-payments.ts'

let attacked: AttackedPayments
/** The provider's intent of a captured payment. */
let intent: { id: string; amount: number; currency: string; metadata: Record<string, string> }

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
  const { paymentId } = (await attacked.payHonestly()).json
  const { rows } = await attacked.database.query(
    'SELECT tenant_id, provider_payment_id FROM payments WHERE payment_id = $1',
    [paymentId],
  )
  const metadata = { payment_id: paymentId, tenant_id: rows[0]?.tenant_id }
  intent = { id: rows[0]?.provider_payment_id, amount: 9_900, currency: 'eur', metadata }
})
afterAll(() => attacked[Symbol.asyncDispose]())

const type = 'payment_intent.succeeded'
const eventOf = (object: object = {}, changes: object = {}) => ({
  id: `evt_${randomUUID().replaceAll('-', '')}`,
  type,
  data: { object: { ...intent, ...object } },
  ...changes,
})
const textOf = (object: object = {}, changes: object = {}) =>
  JSON.stringify(eventOf(object, changes))
const nowSeconds = () => Math.floor(Date.now() / 1_000)
const secret = () => attacked.system.secrets.cardProviderWebhookSecret

function sign(body: string | Uint8Array, key = secret(), t: number | string = nowSeconds()) {
  return createHmac('sha256', key).update(`${t}.`).update(body).digest('hex')
}

/**
 * Sends an event that is correctly signed, unless a header replaces the signature. No API key is
 * sent.
 */
function send(body: string | Uint8Array, headers: RawRequest['headers'] = {}) {
  const t = nowSeconds()
  return attacked.send({
    target: '/v1/provider-webhooks',
    body,
    headers: {
      authorization: null,
      'idempotency-key': null,
      'stripe-signature': `t=${t},v1=${sign(body, secret(), t)}`,
      ...headers,
    },
  })
}
const signed = (header: string | null) => ({ 'stripe-signature': header })

describe('a webhook without a valid signature', () => {
  test.each<[string, (body: string) => string | null]>([
    ['no header', () => null],
    ['an empty header', () => ''],
    ['words', () => 'trust me'],
    ['no time', body => `v1=${sign(body)}`],
    ['a time without a signature', () => `t=${nowSeconds()}`],
    ['an empty signature', () => `t=${nowSeconds()},v1=`],
    ['half a signature', body => `t=${nowSeconds()},v1=${sign(body).slice(0, 32)}`],
    ['a signature in upper case', body => `t=${nowSeconds()},v1=${sign(body).toUpperCase()}`],
    ['a signature of version 0', body => `t=${nowSeconds()},v0=${sign(body)}`],
    ['another secret', body => `t=${nowSeconds()},v1=${sign(body, 'whsec_another_secret')}`],
    ['an empty secret', body => `t=${nowSeconds()},v1=${sign(body, '')}`],
    ['two times', body => `t=${nowSeconds()},t=${nowSeconds()},v1=${sign(body)}`],
    ['another time', body => `t=${nowSeconds() + 1},v1=${sign(body)}`],
    ['a time that is no number', body => `t=NaN,v1=${sign(body, secret(), 'NaN')}`],
    ['a negative time', body => `t=-1,v1=${sign(body, secret(), -1)}`],
    ['a time in scientific notation', body => `t=1e9,v1=${sign(body, secret(), '1e9')}`],
    ['a time six minutes ago', body => signedAt(body, -360)],
    ['a time in six minutes', body => signedAt(body, 360)],
    ['the time 0', body => `t=0,v1=${sign(body, secret(), 0)}`],
    [
      'more than ten signatures',
      body => `t=${nowSeconds()},${wrongSignatures(11)},v1=${sign(body)}`,
    ],
    ['a signature of another body', body => `t=${nowSeconds()},v1=${sign(`${body} `)}`],
    ['7 KB of signature', () => `t=${nowSeconds()},v1=${'0'.repeat(7_000)}`],
  ])('with %s is refused', async (_what, header) => {
    const body = textOf()
    expectProblem(await send(body, signed(header(body))), 401, 'invalid-signature')
  })

  test('with two signature headers is refused', async () => {
    const twice = { 'Stripe-Signature': `t=${nowSeconds()},${wrongSignatures(1)}` }
    expectProblem(await send(textOf(), twice), 401, 'invalid-signature')
  })

  test('with a body that was serialized again is refused', async () => {
    const event = eventOf()
    const header = `t=${nowSeconds()},v1=${sign(JSON.stringify(event))}`
    const again = JSON.stringify(event, null, 1)
    expectProblem(await send(again, signed(header)), 401, 'invalid-signature')
  })

  test.each(['acme', 'northwind'] as const)(
    'with an API key of %s instead is refused',
    async tenant => {
      const authorization = `Bearer ${attacked.system.apiKeys[tenant]}`
      const answer = await send(textOf(), { authorization, ...signed(null) })
      expectProblem(answer, 401, 'invalid-signature')
    },
  )

  test.each<[string, RawRequest['headers']]>([
    ['an empty body', {}],
    ['no media type', { 'content-type': null }],
    ['no length', { 'content-type': null, 'content-length': null }],
  ])('with %s is refused for the signature first', async (_what, headers) => {
    const header = `t=${nowSeconds()},v1=${'0'.repeat(64)}`
    expectProblem(await send('', { ...headers, ...signed(header) }), 401, 'invalid-signature')
  })
})

describe('a signed webhook that is no event', () => {
  test.each<[string, string | Uint8Array]>([
    ['no characters', ''],
    ['truncated JSON', '{"id":"evt_1"'],
    ['words', 'paid'],
    ['null', 'null'],
    ['a list', '[]'],
    ['an empty object', '{}'],
    ['a repeated name', '{"id":"evt_1","id":"evt_2","type":"a.b","data":{"object":{}}}'],
    ['Latin-1', Buffer.from('{"é":1}', 'latin1')],
    ['5,000 nested lists', '['.repeat(5_000) + ']'.repeat(5_000)],
  ])('but a body of %s is refused', async (_what, body) => {
    expectProblem(await send(body), 400, 'validation-error')
  })

  test.each<[string, object, object?]>([
    ['an id with NUL', {}, { id: 'evt_\u0000' }],
    ['an id of 200 characters', {}, { id: `evt_${'x'.repeat(200)}` }],
    ['no id', {}, { id: undefined }],
    ['a type with a space', {}, { type: 'payment succeeded' }],
    ['a type that is a number', {}, { type: 1 }],
    ['no object', {}, { data: {} }],
    ['an intent with a quote', { id: "pi_'--" }],
    ['a charge of an intent with NUL', { payment_intent: 'pi_\u0000' }],
    ['an amount as text', { amount: '9900' }],
    ['half a cent', { amount: 9_900.5 }],
    ['no amount', { amount: undefined }],
    ['a currency of nine letters', { currency: 'eureureur' }],
  ])('because of %s is refused', async (_what, object, changes) => {
    expectProblem(await send(textOf(object, changes)), 400, 'validation-error')
  })

  test.each<[string, RawRequest['headers'], number, string]>([
    ['no media type', { 'content-type': null }, 415, 'unsupported-media-type'],
    ['the media type of text', { 'content-type': 'text/plain' }, 415, 'unsupported-media-type'],
    [
      'the media type of a form',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'unsupported-media-type',
    ],
  ])('because of %s is refused', async (_what, headers, status, slug) => {
    expectProblem(await send(textOf(), headers), status, slug)
  })

  test('because of its size is refused', async () => {
    const body = textOf({ description: 'x'.repeat(300_000) })
    expectProblem(await send(body), 413, 'payload-too-large')
  })

  test('because it has no body is refused', async () => {
    expectProblem(await send('', { 'content-type': null }), 400, 'validation-error')
  })
})

describe('a signed webhook about a payment', () => {
  test.each<[string, () => object]>([
    ['another amount', () => ({ amount: 9_901 })],
    ['a negative amount', () => ({ amount: -9_900 })],
    ['an amount that no column holds', () => ({ amount: 1e300 })],
    ['another currency', () => ({ currency: 'usd' })],
    ['another intent', () => ({ id: 'pi_another' })],
    ['a charge of another intent', () => ({ payment_intent: 'pi_another' })],
    ['another tenant', () => metadataOf({ tenant_id: randomUUID() })],
    ['NUL as the tenant', () => metadataOf({ tenant_id: '\u0000' })],
    ['no tenant', () => ({ metadata: { payment_id: intent.metadata['payment_id'] } })],
  ])('with %s is refused', async (_what, object) => {
    expectProblem(await send(textOf(object())), 422, 'webhook-mismatch')
  })

  test('that does not exist is parked', async () => {
    const answer = await send(textOf(metadataOf({ payment_id: randomUUID() })))
    expect([answer.status, answer.json]).toEqual([202, { status: 'parked' }])
  })

  test('with fields that we do not read has no effect by them', async () => {
    const target = `/v1/payments/${intent.metadata['payment_id']}`
    const before = (await attacked.send({ method: 'GET', target })).json
    const more = { status: 'declined', refunded_cents: 1, refundedCents: 1, amount_cents: 1 }
    expect((await send(textOf(more, more))).status).toBe(204)
    expect((await attacked.send({ method: 'GET', target })).json).toEqual(before)
  })

  test.each([
    'payment_intent.succeeded',
    'payment_intent.canceled',
    'payment_intent.payment_failed',
    'charge.refunded',
    'something.unheard.of',
  ])('of the type %s changes no state, not even when repeated', async eventType => {
    const body = textOf({}, { type: eventType })
    const target = `/v1/payments/${intent.metadata['payment_id']}`
    const before = (await attacked.send({ method: 'GET', target })).json
    for (const _ of [1, 2]) expect((await send(body)).status).toBe(204)
    expect((await attacked.send({ method: 'GET', target })).json).toEqual(before)
  })
})

/**
 * A receiver that refuses such events gets each of them again for days, and in the end gets no
 * events at all (mozilla/fxa#8861, vercel/nextjs-subscription-payments#356).
 */
describe('a signed webhook that is not about a payment of ours', () => {
  const many = Object.fromEntries(
    Array.from({ length: 49 }, (_, i) => [`field_${i}`, 'x'.repeat(500)]),
  )
  test.each<[string, object, object?]>([
    [
      'a customer',
      { object: 'customer', id: 'cus_1', amount: undefined },
      about('customer.created'),
    ],
    ['a refund', { object: 'refund', id: 're_1', amount: 1 }, about('refund.created')],
    ['a dispute', { object: 'dispute', id: 'dp_1', amount: 1 }, about('charge.dispute.created')],
    ['a meter', { id: 'x' }, about('v1.billing.meter.error_report_triggered')],
    ['an unknown type', {}, about('something.Unheard_of.2027')],
    ['an event with another form of id', { metadata: {} }, { id: 'we_1' }],
    [
      'a charge without an intent',
      { payment_intent: null, metadata: {} },
      about('charge.succeeded'),
    ],
    ['a charge without metadata', { metadata: null }, about('charge.succeeded')],
    ['an object without metadata', { metadata: undefined }],
    ['an object with foreign metadata', { metadata: { order: '6735' } }],
    ['an object whose metadata is a list', { metadata: [] }],
    ['an object whose payment id is a number', { metadata: { payment_id: 1 } }],
    ['an object with a malformed payment id', { metadata: { payment_id: "1' OR '1'='1" } }],
    ['an empty object', { id: undefined, amount: undefined, metadata: undefined }],
    ['an object with 24 KB of foreign metadata', { metadata: many }],
  ])('is acknowledged if it is about %s', async (_what, object, changes) => {
    const answer = await send(textOf(object, changes))
    expect([answer.status, answer.body]).toEqual([204, ''])
  })

  test('differs from one with 24 KB of metadata beside our payment id', async () => {
    expect((await send(textOf(metadataOf(many)))).status).toBe(204)
  })

  test('is counted by its type', async () => {
    const metrics = await fetch(`${attacked.system.urls.paymentsOperations}/metrics`)
    const text = await metrics.text()
    expect(text).toMatch(/provider_webhooks_ignored_total\{type="customer.created".*\} [1-9]/)
  })
})

test('in the end, only intended payments were charged', () => attacked.expectOnlyIntendedEffects())

function about(eventType: string): object {
  return { type: eventType }
}

function metadataOf(changes: object): object {
  return { metadata: { ...intent.metadata, ...changes } }
}

function signedAt(body: string, offsetSeconds: number): string {
  const t = nowSeconds() + offsetSeconds
  return `t=${t},v1=${sign(body, secret(), t)}`
}

function wrongSignatures(count: number): string {
  return Array.from({ length: count }, (_, i) => `v1=${String(i).padStart(64, '0')}`).join()
}
