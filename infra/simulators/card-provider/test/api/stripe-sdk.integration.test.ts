import Stripe from 'stripe'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Provider } from '../provider.ts'
import { newPayment, openProviders, secretKey } from '../provider.ts'
import type { WebhookReceiver } from '../webhook-receiver.ts'
import { openWebhookReceiver } from '../webhook-receiver.ts'

const open = new AsyncDisposableStack()
let receiver: WebhookReceiver
let provider: Provider
let stripe: Stripe

beforeAll(async () => {
  receiver = open.use(await openWebhookReceiver())
  const providers = open.use(await openProviders(receiver.env))
  provider = await providers.start('provider.jsonl')
  stripe = connect(0)
})
afterAll(() => open.disposeAsync())
beforeEach(async () => {
  await provider.resetSettings()
})

/** The official client, with the simulator as its host. */
function connect(maxNetworkRetries: number, apiKey = secretKey): Stripe {
  const { hostname: host, port } = new URL(provider.url)
  const wait = { maxNetworkRetries, timeout: 5_000, telemetry: false }
  return new Stripe(apiKey, { host, port, protocol: 'http', ...wait })
}

const amount = 9_900
const euros = { amount, currency: 'eur' }
const visa = { payment_method: 'pm_card_visa' }

describe('the official client', () => {
  test('charges in one request, and reads the fee', async () => {
    const payment = newPayment()
    const intent = await stripe.paymentIntents.create(
      {
        ...euros,
        ...visa,
        confirm: true,
        metadata: { payment_id: payment, 'a b': 'c&d' },
        automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
        expand: ['latest_charge.balance_transaction'],
      },
      { idempotencyKey: `sdk-${payment}` },
    )
    expect(intent).toMatchObject({ object: 'payment_intent', status: 'succeeded', amount })
    expect(intent.metadata).toEqual({ payment_id: payment, 'a b': 'c&d' })
    expect(intent.amount_received).toBe(amount)
    expect(intent.latest_charge).toMatchObject({
      object: 'charge',
      paid: true,
      captured: true,
      payment_intent: intent.id,
      balance_transaction: { object: 'balance_transaction', amount, fee: 164, net: 9_736 },
    })
    const { lastResponse } = intent
    expect(lastResponse.requestId).toMatch(/^req_/)
    expect(lastResponse.idempotencyKey).toBe(`sdk-${payment}`)
    expect(lastResponse.apiVersion).toBe(Stripe.API_VERSION)

    const read = await stripe.paymentIntents.retrieve(intent.id)
    expect(read).toMatchObject({ id: intent.id, latest_charge: intent.id.replace('pi_', 'ch_') })
  })

  test('creates an intent, and names the card when it confirms it', async () => {
    const created = await stripe.paymentIntents.create({
      ...euros,
      allowed_payment_method_types: ['card'],
    })
    expect(created.status).toBe('requires_payment_method')
    const confirmed = await stripe.paymentIntents.confirm(created.id, visa)
    expect(confirmed).toMatchObject({ id: created.id, status: 'succeeded' })

    const named = await stripe.paymentIntents.create({ ...euros, ...visa, confirm: false })
    expect([named.status, named.latest_charge]).toEqual(['requires_confirmation', null])
    expect((await stripe.paymentIntents.confirm(named.id)).status).toBe('succeeded')
  })

  test('authorizes an amount, captures a part of it, and cannot capture again', async () => {
    const manual = { ...euros, ...visa, confirm: true, capture_method: 'manual' } as const
    const { id, ...authorized } = await stripe.paymentIntents.create(manual)
    expect(authorized).toMatchObject({ status: 'requires_capture', amount_capturable: amount })
    const captured = await stripe.paymentIntents.capture(id, {
      amount_to_capture: 4_000,
      expand: ['latest_charge.balance_transaction'],
    })
    expect(captured).toMatchObject({ status: 'succeeded', amount_received: 4_000 })
    expect(captured.latest_charge).toMatchObject({ balance_transaction: { fee: 81, net: 3_919 } })
    await expect(stripe.paymentIntents.capture(id)).rejects.toMatchObject({
      type: 'StripeInvalidRequestError',
      code: 'payment_intent_unexpected_state',
      payment_intent: { id, status: 'succeeded' },
    })
  })

  test('cancels an authorized intent', async () => {
    const manual = { ...euros, ...visa, confirm: true, capture_method: 'manual' } as const
    const { id } = await stripe.paymentIntents.create(manual)
    const reason = { cancellation_reason: 'abandoned' } as const
    const canceled = await stripe.paymentIntents.cancel(id, reason)
    expect(canceled).toMatchObject({ status: 'canceled', amount_capturable: 0, ...reason })
    expect(canceled.canceled_at).toBeTypeOf('number')
  })

  test('refunds two parts and the rest, and reads the refunds', async () => {
    const { id } = await stripe.paymentIntents.create({ ...euros, ...visa, confirm: true })
    const part = { payment_intent: id, amount: 1_000, metadata: { refund_id: 'r-1' } }
    const first = await stripe.refunds.create({ ...part, reason: 'duplicate' })
    expect(first).toMatchObject({
      ...part,
      object: 'refund',
      status: 'succeeded',
      reason: 'duplicate',
    })
    const second = await stripe.refunds.create({ payment_intent: id, amount: 2_000 })
    const rest = await stripe.refunds.create({ payment_intent: id, expand: ['charge'] })
    expect(rest).toMatchObject({
      amount: 6_900,
      charge: { amount_refunded: amount, refunded: true },
    })

    expect(await stripe.refunds.retrieve(first.id)).toMatchObject(part)
    const { data } = await stripe.refunds.list({ payment_intent: id })
    expect(data.map(refund => refund.id)).toEqual([rest.id, second.id, first.id])
    await expect(stripe.refunds.create({ payment_intent: id })).rejects.toMatchObject({
      type: 'StripeInvalidRequestError',
      code: 'charge_already_refunded',
    })
  })

  test('reads every page of a list and of a search by metadata, without a gap', async () => {
    const payment = newPayment()
    const metadata = { payment_id: payment }
    const ids: string[] = []
    for (let n = 0; n < 5; n++) {
      ids.unshift((await stripe.paymentIntents.create({ ...euros, metadata })).id)
    }
    const newest = await stripe.paymentIntents.list({ limit: 2 })
    expect(newest.data.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    expect(newest.has_more).toBe(true)
    const before = await stripe.paymentIntents.list({ limit: 2, ending_before: ids[4] ?? '' })
    expect(before.data.map(({ id }) => id)).toEqual(ids.slice(2, 4))

    const all = await stripe.paymentIntents.list({ limit: 2 }).autoPagingToArray({ limit: 5 })
    expect(all.map(({ id }) => id)).toEqual(ids)
    const query = `metadata['payment_id']:'${payment}'`
    const found = await stripe.paymentIntents
      .search({ query, limit: 2 })
      .autoPagingToArray({ limit: 100 })
    expect(found.map(({ id }) => id)).toEqual(ids)
  })

  test('reports a decline as a card error', async () => {
    const declined = { payment_method: 'pm_card_chargeDeclinedInsufficientFunds', confirm: true }
    await expect(stripe.paymentIntents.create({ ...euros, ...declined })).rejects.toMatchObject({
      type: 'StripeCardError',
      code: 'card_declined',
      decline_code: 'insufficient_funds',
      payment_intent: { status: 'requires_payment_method' },
    })
  })

  test.each([
    ['an invalid parameter', 'StripeInvalidRequestError', { amount: 0 }, { param: 'amount' }],
    ['an unknown parameter', 'StripeInvalidRequestError', { colour: 'red' }, { param: 'colour' }],
  ])('reports %s', async (_, type, fields, more) => {
    const creating = stripe.paymentIntents.create({ ...euros, ...fields })
    await expect(creating).rejects.toMatchObject({ type, ...more })
  })

  test('reports a wrong secret key, an unknown id, a reused idempotency key and the quota', async () => {
    const create = (of: Stripe, more: object, key: string) =>
      of.paymentIntents.create({ ...euros, ...more }, { idempotencyKey: key })
    await expect(create(connect(0, 'sk_wrong'), {}, newPayment())).rejects.toMatchObject({
      type: 'StripeAuthenticationError',
    })
    await expect(stripe.paymentIntents.retrieve('pi_none')).rejects.toMatchObject({
      type: 'StripeInvalidRequestError',
      code: 'resource_missing',
      statusCode: 404,
    })
    const key = newPayment()
    await create(stripe, {}, key)
    await expect(create(stripe, { amount: 500 }, key)).rejects.toMatchObject({
      type: 'StripeIdempotencyError',
    })
    await provider.changeSettings({ quotaPerSecond: 1 })
    const tried = await Promise.allSettled(
      Array.from({ length: 5 }, () => create(stripe, {}, newPayment())),
    )
    expect(tried).toContainEqual({
      status: 'rejected',
      reason: expect.objectContaining({ type: 'StripeRateLimitError' }),
    })
  })

  test('retries a 500 under its own key, and the card is charged a single time', async () => {
    const payment = newPayment()
    const metadata = { payment_id: payment }
    const errorAfter = { payment_method: 'pm_card_errorAfter', confirm: true, metadata }
    const intent = await connect(2).paymentIntents.create({ ...euros, ...errorAfter })
    expect(intent.status).toBe('succeeded')
    const types = (await provider.typesOf(payment)).filter(type => !type.startsWith('webhook.'))
    expect(types).toEqual(['intent.succeeded', 'reply.error'])
  })

  test('verifies the signature of a webhook, and rejects a changed body', async () => {
    const payment = newPayment()
    const metadata = { payment_id: payment }
    const { id } = await stripe.paymentIntents.create({
      ...euros,
      ...visa,
      confirm: true,
      metadata,
    })
    await stripe.refunds.create({ payment_intent: id, amount: 400 })
    const received = await receiver.waitFor(payment, 2)
    const { WEBHOOK_SECRET: secret = '' } = receiver.env
    const events = received.map(({ body, signature }) =>
      stripe.webhooks.constructEvent(body, signature, secret),
    )
    const refunded = events.find(({ type }) => type === 'charge.refunded')
    expect(events.map(({ type }) => type).toSorted()).toEqual([
      'charge.refunded',
      'payment_intent.succeeded',
    ])
    expect(refunded?.data.object).toMatchObject({ payment_intent: id, amount_refunded: 400 })
    const { body = '', signature = '' } = received[0] ?? {}
    for (const changed of [body.replace('9900', '9901'), `${body} `]) {
      const verify = () => stripe.webhooks.constructEvent(changed, signature, secret)
      expect(verify).toThrow(Stripe.errors.StripeSignatureVerificationError)
    }
  })
})
