import { createHmac, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  type AttackedPayments,
  expectProblem,
  openAttackedPayments,
  type RawRequest,
} from './attacked-payments.ts'

let attacked: AttackedPayments
/** What the provider knows of a payment that is captured. */
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
  ...{ id: `evt_${randomUUID().replaceAll('-', '')}`, type },
  ...{ data: { object: { ...intent, ...object } }, ...changes },
})
const textOf = (object: object = {}, changes: object = {}) =>
  JSON.stringify(eventOf(object, changes))
const nowSeconds = () => Math.floor(Date.now() / 1_000)
const secret = () => attacked.system.secrets.cardProviderWebhookSecret

function sign(body: string | Uint8Array, key = secret(), t: number | string = nowSeconds()) {
  return createHmac('sha256', key).update(`${t}.`).update(body).digest('hex')
}

/** Signed by the provider, now, unless the case says otherwise; nobody of whom a key is asked. */
function call(body: string | Uint8Array, headers: RawRequest['headers'] = {}) {
  const t = nowSeconds()
  return attacked.send({
    target: '/v1/provider-webhooks',
    body,
    headers: {
      ...{ authorization: null, 'idempotency-key': null },
      'stripe-signature': `t=${t},v1=${sign(body, secret(), t)}`,
      ...headers,
    },
  })
}
const signed = (header: string | null) => ({ 'stripe-signature': header })

describe('a webhook that the provider has not signed', () => {
  test.each<[string, (body: string) => string | null]>([
    ['no signature', () => null],
    ['an empty one', () => ''],
    ['words', () => 'trust me'],
    ['no time', body => `v1=${sign(body)}`],
    ['no signature beside the time', () => `t=${nowSeconds()}`],
    ['an empty signature', () => `t=${nowSeconds()},v1=`],
    ['half a signature', body => `t=${nowSeconds()},v1=${sign(body).slice(0, 32)}`],
    ['one in capitals', body => `t=${nowSeconds()},v1=${sign(body).toUpperCase()}`],
    ['the one before v1', body => `t=${nowSeconds()},v0=${sign(body)}`],
    ["another's secret", body => `t=${nowSeconds()},v1=${sign(body, 'whsec_of_somebody_else')}`],
    ['no secret', body => `t=${nowSeconds()},v1=${sign(body, '')}`],
    ['two times', body => `t=${nowSeconds()},t=${nowSeconds()},v1=${sign(body)}`],
    ['another time', body => `t=${nowSeconds() + 1},v1=${sign(body)}`],
    ['a time that is no number', body => `t=NaN,v1=${sign(body, secret(), 'NaN')}`],
    ['a time below zero', body => `t=-1,v1=${sign(body, secret(), -1)}`],
    ['a time in scientific writing', body => `t=1e9,v1=${sign(body, secret(), '1e9')}`],
    ['a time six minutes ago', body => signedAt(body, -360)],
    ['a time in six minutes', body => signedAt(body, 360)],
    ['the first second', body => `t=0,v1=${sign(body, secret(), 0)}`],
    ['eleven guesses', body => `t=${nowSeconds()},${guesses(11)},v1=${sign(body)}`],
    ['a body that was changed', body => `t=${nowSeconds()},v1=${sign(`${body} `)}`],
    ['7 KB', () => `t=${nowSeconds()},v1=${'0'.repeat(7_000)}`],
  ])('#86 %s: 401', async (_what, header) => {
    const body = textOf()
    expectProblem(await call(body, signed(header(body))), 401, 'invalid-signature')
  })

  test('#86 two headers with a signature: 401', async () => {
    const twice = { 'Stripe-Signature': `t=${nowSeconds()},${guesses(1)}` }
    expectProblem(await call(textOf(), twice), 401, 'invalid-signature')
  })

  test('#86 the same event, written again: 401', async () => {
    const event = eventOf()
    const header = `t=${nowSeconds()},v1=${sign(JSON.stringify(event))}`
    const again = JSON.stringify(event, null, 1)
    expectProblem(await call(again, signed(header)), 401, 'invalid-signature')
  })

  test.each(['acme', 'northwind'] as const)('an API key of %s is no signature: 401', async who => {
    const authorization = `Bearer ${attacked.system.apiKeys[who]}`
    const answer = await call(textOf(), { authorization, ...signed(null) })
    expectProblem(answer, 401, 'invalid-signature')
  })

  test.each<[string, RawRequest['headers']]>([
    ['and says nothing', {}],
    ['and has no body', { 'content-type': null }],
    ['and does not say how long nothing is', { 'content-type': null, 'content-length': null }],
  ])('who has not signed %s: 401', async (_what, headers) => {
    const header = `t=${nowSeconds()},v1=${'0'.repeat(64)}`
    expectProblem(await call('', { ...headers, ...signed(header) }), 401, 'invalid-signature')
  })
})

describe('a webhook that is signed, and is no event', () => {
  test.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['half of one', '{"id":"evt_1"'],
    ['words', 'paid'],
    ['null', 'null'],
    ['a list', '[]'],
    ['an empty object', '{}'],
    ['a name twice', '{"id":"evt_1","id":"evt_2","type":"a.b","data":{"object":{}}}'],
    ['Latin-1', Buffer.from('{"é":1}', 'latin1')],
    ['nested 5 000 times', '['.repeat(5_000) + ']'.repeat(5_000)],
  ])('of %s: 400', async (_what, body) => {
    expectProblem(await call(body), 400, 'validation-error')
  })

  test.each<[string, object, object?]>([
    ['an id with NUL', {}, { id: 'evt_\u0000' }],
    ['an id of 200 characters', {}, { id: `evt_${'x'.repeat(200)}` }],
    ['no id', {}, { id: undefined }],
    ['a type with a blank', {}, { type: 'payment succeeded' }],
    ['a type that is a number', {}, { type: 1 }],
    ['no object', {}, { data: {} }],
    ['an intent with a quote', { id: "pi_'--" }],
    ['a charge of an intent with NUL', { payment_intent: 'pi_\u0000' }],
    ['an amount in text', { amount: '9900' }],
    ['half a cent', { amount: 9_900.5 }],
    ['no amount', { amount: undefined }],
    ['a currency of nine letters', { currency: 'eureureur' }],
  ])('#110 with %s: 400', async (_what, object, changes) => {
    expectProblem(await call(textOf(object, changes)), 400, 'validation-error')
  })

  test.each<[string, RawRequest['headers'], number, string]>([
    ['no type', { 'content-type': null }, 415, 'unsupported-media-type'],
    ['text', { 'content-type': 'text/plain' }, 415, 'unsupported-media-type'],
    [
      'a form',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'unsupported-media-type',
    ],
  ])('#23 #24 said to be %s: %i', async (_what, headers, status, slug) => {
    expectProblem(await call(textOf(), headers), status, slug)
  })

  test('#37 300 KB: 413', async () => {
    const body = textOf({ description: 'x'.repeat(300_000) })
    expectProblem(await call(body), 413, 'payload-too-large')
  })

  test('signed, and without a body: 400', async () => {
    expectProblem(await call('', { 'content-type': null }), 400, 'validation-error')
  })
})

describe('a webhook that is signed, and does not fit', () => {
  test.each<[string, () => object]>([
    ['another amount', () => ({ amount: 9_901 })],
    ['an amount below zero', () => ({ amount: -9_900 })],
    ['an amount that no column holds', () => ({ amount: 1e300 })],
    ['another currency', () => ({ currency: 'usd' })],
    ['another intent', () => ({ id: 'pi_another' })],
    ['a charge of another intent', () => ({ payment_intent: 'pi_another' })],
    ['another tenant', () => metadataOf({ tenant_id: randomUUID() })],
    ['NUL for a tenant', () => metadataOf({ tenant_id: '\u0000' })],
    ['no tenant', () => ({ metadata: { payment_id: intent.metadata['payment_id'] } })],
  ])('#89 with %s: 422', async (_what, object) => {
    expectProblem(await call(textOf(object())), 422, 'webhook-mismatch')
  })

  test.each<[string, () => object]>([
    ['nobody knows', () => metadataOf({ payment_id: randomUUID() })],
  ])('#89 about a payment that %s: put aside', async (_what, object) => {
    const answer = await call(textOf(object()))
    expect([answer.status, answer.json]).toEqual([202, { status: 'parked' }])
  })

  test('#35 what it says beyond what is read goes nowhere', async () => {
    const target = `/v1/payments/${intent.metadata['payment_id']}`
    const before = (await attacked.send({ method: 'GET', target })).json
    const more = { status: 'declined', refunded_cents: 1, refundedCents: 1, amount_cents: 1 }
    expect((await call(textOf(more, more))).status).toBe(204)
    expect((await attacked.send({ method: 'GET', target })).json).toEqual(before)
  })

  test.each([
    ...['payment_intent.succeeded', 'payment_intent.canceled', 'payment_intent.payment_failed'],
    ...['charge.refunded', 'something.unheard.of'],
  ])('#87 %s changes nothing by itself, once or twice', async eventType => {
    const body = textOf({}, { type: eventType })
    const target = `/v1/payments/${intent.metadata['payment_id']}`
    const before = (await attacked.send({ method: 'GET', target })).json
    for (const _ of [1, 2]) expect((await call(body)).status).toBe(204)
    expect((await attacked.send({ method: 'GET', target })).json).toEqual(before)
  })
})

/**
 * A receiver that is stricter than its sender is sent the same event for days, and in the end is sent
 * none at all (mozilla/fxa#8861, vercel/nextjs-subscription-payments#356).
 */
describe('a webhook that is signed, and is about nothing of ours, is acknowledged', () => {
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
    ['a type of next year', {}, about('something.Unheard_of.2027')],
    ['an event id of another form', { metadata: {} }, { id: 'we_1' }],
    [
      'a charge without an intent',
      { payment_intent: null, metadata: {} },
      about('charge.succeeded'),
    ],
    ['a charge without metadata', { metadata: null }, about('charge.succeeded')],
    ['no metadata at all', { metadata: undefined }],
    ['metadata of others', { metadata: { order: '6735' } }],
    ['metadata that is a list', { metadata: [] }],
    ['metadata that holds a number', { metadata: { payment_id: 1 } }],
    ['a payment id that is none', { metadata: { payment_id: "1' OR '1'='1" } }],
    ['an empty object', { id: undefined, amount: undefined, metadata: undefined }],
    ['24 KB of metadata of others', { metadata: many }],
  ])('%s', async (_what, object, changes) => {
    const answer = await call(textOf(object, changes))
    expect([answer.status, answer.body]).toEqual([204, ''])
  })

  test('24 KB of metadata beside ours is an event about our payment', async () => {
    expect((await call(textOf(metadataOf(many)))).status).toBe(204)
  })

  test('and is counted by its type', async () => {
    const metrics = await fetch(`${attacked.system.urls.paymentsOperations}/metrics`)
    const text = await metrics.text()
    expect(text).toMatch(/provider_webhooks_ignored_total\{type="customer.created".*\} [1-9]/)
  })
})

test('after all of these, only what was meant was charged', () => attacked.expectOnlyWhatWasMeant())

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

function guesses(count: number): string {
  return Array.from({ length: count }, (_, i) => `v1=${String(i).padStart(64, '0')}`).join()
}
