import { appendFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../../../wait-until.ts'
import type { Action } from '../actions.ts'
import { actions, makeIntent, perform, readyFor, requestOf } from '../actions.ts'
import type { Provider, Providers } from '../provider.ts'
import { newPayment, openProviders } from '../provider.ts'
import type { WebhookReceiver } from '../webhook-receiver.ts'
import { openWebhookReceiver } from '../webhook-receiver.ts'

const open = new AsyncDisposableStack()
let providers: Providers
let receiver: WebhookReceiver
let provider: Provider

beforeAll(async () => {
  receiver = open.use(await openWebhookReceiver())
  providers = open.use(await openProviders(receiver.env))
  provider = await providers.start('provider.jsonl')
})
afterAll(() => open.disposeAsync())
beforeEach(async () => {
  receiver.answerWith(200)
  await provider.resetSettings()
})

const lineOf: Readonly<Record<Action, string>> = {
  confirm: 'intent.succeeded',
  capture: 'intent.captured',
  cancel: 'intent.canceled',
  refund: 'refund.succeeded',
}
const eventOf: Readonly<Record<Action, string>> = {
  confirm: 'payment_intent.succeeded',
  capture: 'payment_intent.succeeded',
  cancel: 'payment_intent.canceled',
  refund: 'charge.refunded',
}

/** Makes an intent that is ready for the action, and the requests for it. */
async function prepare(action: Action, payment = newPayment(), on = provider) {
  const id = await makeIntent(on, payment, readyFor[action])
  const [path, fields] = requestOf(action, id)
  const options = { key: `${action}-${id}` }
  return {
    payment,
    id,
    request: () => on.post(path, fields, options),
    requestUnanswered: () => on.postUnanswered(path, fields, options),
    /** The types of the lines since the intent was made, without those about webhooks. */
    newTypes: async () => (await linesOf(payment, on)).slice(1).map(({ type }) => type),
  }
}

async function linesOf(payment: string, on = provider) {
  return (await on.linesOf(payment)).filter(({ type }) => !type.startsWith('webhook.'))
}

describe.each(actions)('%s', action => {
  test('has no effect when its request is lost, and its key stays free', async () => {
    const { payment, request, requestUnanswered, newTypes } = await prepare(action)
    await provider.changeSettings({ silence: 'before' })
    await requestUnanswered()
    await provider.resetSettings()
    const { status, headers } = await request()
    expect([status, headers.get('idempotent-replayed')]).toEqual([200, null])
    expect(await newTypes()).toEqual(['request.dropped', lineOf[action]])
    expect((await linesOf(payment))[1]).toMatchObject({ action, cause: 'setting', amount: 9900 })
  })

  test('takes effect when its answer is lost, and the retry gets the stored answer', async () => {
    const { request, requestUnanswered, newTypes } = await prepare(action)
    await provider.changeSettings({ silence: 'after' })
    await requestUnanswered()
    await provider.resetSettings()
    expect((await request()).headers.get('idempotent-replayed')).toBe('true')
    expect(await newTypes()).toEqual([lineOf[action], 'reply.withheld'])
  })

  test('takes effect when its answer is a 500, and the retry gets the stored answer', async () => {
    const { request, newTypes } = await prepare(action)
    await provider.changeSettings({ errorAfterRate: 1 })
    expect((await request()).status).toBe(500)
    await provider.resetSettings()
    expect((await request()).headers.get('idempotent-replayed')).toBe('true')
    expect(await newTypes()).toEqual([lineOf[action], 'reply.error'])
  })

  test('takes effect a single time when it is delayed and requested again meanwhile', async () => {
    const [alone, again] = [await prepare(action), await prepare(action)]
    await provider.changeSettings({ lateMs: 500 })
    await alone.requestUnanswered()
    await again.requestUnanswered()
    await provider.resetSettings()
    expect((await again.request()).headers.get('idempotent-replayed')).toBeNull()
    await waitUntil('both requests are executed', async () => {
      const [first, second] = [await alone.newTypes(), await again.newTypes()]
      return first.length === 2 && second.length === 3
    })
    expect(await alone.newTypes()).toEqual(['request.delayed', lineOf[action]])
    expect((await linesOf(alone.payment)).at(-1)).toMatchObject({ late: true, intentId: alone.id })
    expect(await again.newTypes()).toEqual(['request.delayed', lineOf[action], 'request.repeated'])
  })

  test('can be answered byte by byte, and is subject to the quota', async () => {
    const { request, newTypes } = await prepare(action)
    await provider.changeSettings({ dripMs: 1 })
    const dripping = await request()
    expect(Number(dripping.headers.get('content-length'))).toBeGreaterThan(100)
    await provider.resetSettings()
    await provider.changeSettings({ quotaPerSecond: 1 })
    const answers = await Promise.all(Array.from({ length: 5 }, request))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]?.body.error.code).toBe('rate_limit')
    await provider.resetSettings()
    expect((await request()).body).toEqual(dripping.body)
    expect(await newTypes()).toEqual([lineOf[action]])
  })

  test('sends a webhook, which can come early, twice, or never', async () => {
    const payments = [newPayment(), newPayment(), newPayment()] as const
    const [plain, early, dropped] = [
      await prepare(action, payments[0]),
      await prepare(action, payments[1]),
      await prepare(action, payments[2]),
    ]
    for (const payment of payments) await receiver.waitFor(payment, 1)
    await plain.request()
    const received = await receiver.waitFor(payments[0], 2)
    expect(received[1]).toMatchObject({ signed: true, event: { type: eventOf[action] } })
    await provider.changeSettings({ webhookEarly: true, webhookDuplicates: 1 })
    await early.request()
    const types = (await receiver.waitFor(payments[1], 3)).map(({ event }) => event.type)
    expect(types.slice(1)).toEqual([eventOf[action], eventOf[action]])
    await provider.changeSettings({ webhookEarly: false, webhookDuplicates: 0, webhookDropRate: 1 })
    await dropped.request()
    await waitUntil('the webhook is dropped', async () => {
      const lines = await provider.linesOf(payments[2])
      return lines.some(({ type }) => type === 'webhook.dropped')
    })
    expect(receiver.receivedFor(payments[2])).toHaveLength(1)
  })
})

test('a creation and an authorization send a webhook as well', async () => {
  const [created, authorized] = [newPayment(), newPayment()]
  await provider.charge(created, { confirm: 'false' })
  await provider.charge(authorized, { capture_method: 'manual' })
  const types = async (payment: string) =>
    (await receiver.waitFor(payment, 1)).map(({ event }) => event.type)
  expect(await types(created)).toEqual(['payment_intent.created'])
  expect(await types(authorized)).toEqual(['payment_intent.amount_capturable_updated'])
})

test('a delayed request that is no longer possible has no effect, and the log says so', async () => {
  const { id, payment, requestUnanswered, newTypes } = await prepare('capture')
  await provider.changeSettings({ lateMs: 500 })
  await requestUnanswered()
  await provider.resetSettings()
  expect((await perform(provider, 'cancel', id)).status).toBe(200)
  await waitUntil('the delayed request has ended', async () => (await newTypes()).length === 3)
  expect(await newTypes()).toEqual(['request.delayed', 'intent.canceled', 'request.dropped'])
  const dropped = { cause: 'refused', late: true, action: 'capture' }
  expect((await linesOf(payment)).at(-1)).toMatchObject(dropped)
})

test.each([
  [550, 'intent.succeeded'],
  [601, 'request.dropped'],
])(
  'a request delayed since %i s before a restart ends as %s, as the processing delay promises',
  async (secondsAgo, end) => {
    const [name, payment] = [`${secondsAgo}.jsonl`, newPayment()]
    const at = new Date(Date.now() - secondsAgo * 1_000).toISOString()
    const delayed = {
      at,
      seq: 1,
      type: 'request.delayed',
      amount: 9900,
      currency: 'eur',
      metadata: { payment_id: payment },
      paymentMethod: 'visa',
      idempotencyKey: 'key',
      requestId: 'req_1',
      fingerprint: 'f',
      declineCode: null,
      dueAt: at,
      cause: 'setting',
    }
    await appendFile(providers.file(name), `${JSON.stringify(delayed)}\n`)
    const after = await providers.start(name)
    await waitUntil(
      'the request has ended',
      async () => (await linesOf(payment, after)).length === 2,
    )
    const [, last] = await linesOf(payment, after)
    expect(last).toMatchObject({ type: end, late: true, amount: 9900 })
    await after.kill()
  },
)

test('the fault of a test card happens when it is charged, not when it is named', async () => {
  const payment = newPayment()
  const fields = { confirm: 'false', payment_method: 'pm_card_silentAfter' }
  const { body } = await provider.charge(payment, fields)
  expect(body.status).toBe('requires_confirmation')
  const path = `/payment_intents/${body.id}/confirm`
  await provider.postUnanswered(path, {}, { key: payment })
  const again = await provider.post(path, {}, { key: payment })
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect((await linesOf(payment)).map(({ type }) => type)).toEqual([
    'intent.created',
    'intent.succeeded',
    'reply.withheld',
  ])
})
