import { appendFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../../../wait-until.ts'
import type { Act } from '../actions.ts'
import { acts, makeIntent, perform, readyFor, requestOf } from '../actions.ts'
import type { Provider, Providers } from '../provider.ts'
import { openProviders, unique } from '../provider.ts'
import type { Receiver } from '../webhook-receiver.ts'
import { openReceiver } from '../webhook-receiver.ts'

const open = new AsyncDisposableStack()
let providers: Providers
let receiver: Receiver
let provider: Provider

beforeAll(async () => {
  receiver = open.use(await openReceiver())
  providers = open.use(await openProviders(receiver.env))
  provider = await providers.start('provider.jsonl')
})
afterAll(() => open.disposeAsync())
beforeEach(async () => {
  receiver.answer(200)
  await provider.rest()
})

const lineOf: Readonly<Record<Act, string>> = {
  confirm: 'intent.succeeded',
  capture: 'intent.captured',
  cancel: 'intent.canceled',
  refund: 'refund.succeeded',
}
const eventOf: Readonly<Record<Act, string>> = {
  confirm: 'payment_intent.succeeded',
  capture: 'payment_intent.succeeded',
  cancel: 'payment_intent.canceled',
  refund: 'charge.refunded',
}

/** An intent that is ready for the act. */
async function prepare(act: Act, payment = unique(), on = provider) {
  const id = await makeIntent(on, payment, readyFor[act])
  const [path, fields] = requestOf(act, id)
  const options = { key: `${act}-${id}` }
  return {
    ...{ payment, id },
    ask: () => on.post(path, fields, options),
    askInSilence: () => on.postInSilence(path, fields, options),
    /** The types of the lines since then, without those about webhooks. */
    news: async () => (await linesOf(payment, on)).slice(1).map(({ type }) => type),
  }
}

async function linesOf(payment: string, on = provider) {
  return (await on.linesOf(payment)).filter(({ type }) => !type.startsWith('webhook.'))
}

describe.each(acts)('%s', act => {
  test('can be lost before it is done: nothing happens, and the key stays free', async () => {
    const { payment, ask, askInSilence, news } = await prepare(act)
    await provider.turn({ silence: 'before' })
    await askInSilence()
    await provider.rest()
    const { status, headers } = await ask()
    expect([status, headers.get('idempotent-replayed')]).toEqual([200, null])
    expect(await news()).toEqual(['request.dropped', lineOf[act]])
    expect((await linesOf(payment))[1]).toMatchObject({ act, cause: 'setting', amount: 9900 })
  })

  test('can be done and not answered: the retry learns what happened', async () => {
    const { ask, askInSilence, news } = await prepare(act)
    await provider.turn({ silence: 'after' })
    await askInSilence()
    await provider.rest()
    expect((await ask()).headers.get('idempotent-replayed')).toBe('true')
    expect(await news()).toEqual([lineOf[act], 'reply.withheld'])
  })

  test('can be done and answered with a 500: the retry learns what happened', async () => {
    const { ask, news } = await prepare(act)
    await provider.turn({ errorAfterRate: 1 })
    expect((await ask()).status).toBe(500)
    await provider.rest()
    expect((await ask()).headers.get('idempotent-replayed')).toBe('true')
    expect(await news()).toEqual([lineOf[act], 'reply.error'])
  })

  test('can be done late, and asked again meanwhile is done a single time', async () => {
    const [alone, again] = [await prepare(act), await prepare(act)]
    await provider.turn({ lateMs: 500 })
    await alone.askInSilence()
    await again.askInSilence()
    await provider.rest()
    expect((await again.ask()).headers.get('idempotent-replayed')).toBeNull()
    await waitUntil('both are executed', async () => {
      const [first, second] = [await alone.news(), await again.news()]
      return first.length === 2 && second.length === 3
    })
    expect(await alone.news()).toEqual(['request.delayed', lineOf[act]])
    expect((await linesOf(alone.payment)).at(-1)).toMatchObject({ late: true, intentId: alone.id })
    expect(await again.news()).toEqual(['request.delayed', lineOf[act], 'request.repeated'])
  })

  test('can be answered byte by byte, and held to the quota', async () => {
    const { ask, news } = await prepare(act)
    await provider.turn({ dripMs: 1 })
    const dripping = await ask()
    expect(Number(dripping.headers.get('content-length'))).toBeGreaterThan(100)
    await provider.rest()
    await provider.turn({ quotaPerSecond: 1 })
    const answers = await Promise.all(Array.from({ length: 5 }, ask))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]?.body.error.code).toBe('rate_limit')
    await provider.rest()
    expect((await ask()).body).toEqual(dripping.body)
    expect(await news()).toEqual([lineOf[act]])
  })

  test('is told by a webhook, which can come early, twice, or never', async () => {
    const payments = [unique(), unique(), unique()] as const
    const [plain, early, dropped] = [
      await prepare(act, payments[0]),
      await prepare(act, payments[1]),
      await prepare(act, payments[2]),
    ]
    for (const payment of payments) await receiver.waitFor(payment, 1)
    await plain.ask()
    const received = await receiver.waitFor(payments[0], 2)
    expect(received[1]).toMatchObject({ signed: true, event: { type: eventOf[act] } })
    await provider.turn({ webhookEarly: true, webhookDuplicates: 1 })
    await early.ask()
    const types = (await receiver.waitFor(payments[1], 3)).map(({ event }) => event.type)
    expect(types.slice(1)).toEqual([eventOf[act], eventOf[act]])
    await provider.turn({ webhookEarly: false, webhookDuplicates: 0, webhookDropRate: 1 })
    await dropped.ask()
    await waitUntil('it is dropped', async () => {
      const lines = await provider.linesOf(payments[2])
      return lines.some(({ type }) => type === 'webhook.dropped')
    })
    expect(receiver.of(payments[2])).toHaveLength(1)
  })
})

test('what was created and what was authorized is told, too', async () => {
  const [created, authorized] = [unique(), unique()]
  await provider.charge(created, { confirm: 'false' })
  await provider.charge(authorized, { capture_method: 'manual' })
  const types = async (payment: string) =>
    (await receiver.waitFor(payment, 1)).map(({ event }) => event.type)
  expect(await types(created)).toEqual(['payment_intent.created'])
  expect(await types(authorized)).toEqual(['payment_intent.amount_capturable_updated'])
})

test('what is no longer possible when it is executed late comes to nothing, and the log says so', async () => {
  const { id, payment, askInSilence, news } = await prepare('capture')
  await provider.turn({ lateMs: 500 })
  await askInSilence()
  await provider.rest()
  expect((await perform(provider, 'cancel', id)).status).toBe(200)
  await waitUntil('it is executed', async () => (await news()).length === 3)
  expect(await news()).toEqual(['request.delayed', 'intent.canceled', 'request.dropped'])
  expect((await linesOf(payment)).at(-1)).toMatchObject({
    ...{ cause: 'refused', late: true, act: 'capture' },
  })
})

test.each([
  [590, 'intent.succeeded'],
  [601, 'request.dropped'],
])(
  'a request from %i s ago, found after a restart, ends as %s: the processing delay is a promise',
  async (secondsAgo, end) => {
    const [name, payment] = [`${secondsAgo}.jsonl`, unique()]
    const at = new Date(Date.now() - secondsAgo * 1_000).toISOString()
    const delayed = {
      ...{ at, seq: 1, type: 'request.delayed', amount: 9900, currency: 'eur', dueAt: at },
      ...{ metadata: { payment_id: payment }, paymentMethod: 'visa', idempotencyKey: 'key' },
      ...{ requestId: 'req_1', fingerprint: 'f', declineCode: null, cause: 'setting' },
    }
    await appendFile(providers.file(name), `${JSON.stringify(delayed)}\n`)
    const after = await providers.start(name)
    await waitUntil('it came to its end', async () => (await linesOf(payment, after)).length === 2)
    const [, last] = await linesOf(payment, after)
    expect(last).toMatchObject({ type: end, late: true, amount: 9900 })
    await after.kill()
  },
)

test('a card with a will of its own has it when it is confirmed, not when it is named', async () => {
  const payment = unique()
  const fields = { confirm: 'false', payment_method: 'pm_card_silentAfter' }
  const { body } = await provider.charge(payment, fields)
  expect(body.status).toBe('requires_confirmation')
  const path = `/payment_intents/${body.id}/confirm`
  await provider.postInSilence(path, {}, { key: payment })
  const again = await provider.post(path, {}, { key: payment })
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect((await linesOf(payment)).map(({ type }) => type)).toEqual([
    ...['intent.created', 'intent.succeeded', 'reply.withheld'],
  ])
})
