import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Act, Status } from '../actions.ts'
import { acts, makeIntent, perform, readyFor, statuses } from '../actions.ts'
import type { Provider, Providers } from '../provider.ts'
import { openProviders, unique } from '../provider.ts'

let providers: Providers
let provider: Provider

beforeAll(async () => {
  providers = await openProviders()
  provider = await providers.start('provider.jsonl')
})
afterAll(() => providers[Symbol.asyncDispose]())
beforeEach(async () => {
  await provider.rest()
})

async function read(id: string, on = provider) {
  return (await on.get(`/v1/payment_intents/${id}`)).body
}

/** What becomes of an intent; whatever is not here is refused. */
const becomes: Readonly<Partial<Record<`${Status} ${Act}`, Status>>> = {
  'requires_confirmation confirm': 'succeeded',
  'requires_confirmation cancel': 'canceled',
  'requires_payment_method cancel': 'canceled',
  'requires_capture capture': 'succeeded',
  'requires_capture cancel': 'canceled',
  'succeeded refund': 'succeeded',
}
const moves = statuses.flatMap(status => acts.map(act => ({ status, act })))
const isLegal = ({ status, act }: (typeof moves)[number]) =>
  becomes[`${status} ${act}`] !== undefined

describe('what can be asked of an intent', () => {
  test.each(moves.filter(isLegal))('$act from $status is done', async ({ status, act }) => {
    const id = await makeIntent(provider, unique(), status)
    expect((await perform(provider, act, id)).status).toBe(200)
    expect((await read(id)).status).toBe(becomes[`${status} ${act}`])
  })

  test.each(moves.filter(move => !isLegal(move)))(
    '$act from $status is refused, leaves no line, and its key is free',
    async ({ status, act }) => {
      const payment = unique()
      const id = await makeIntent(provider, payment, status)
      const [before, lines] = [await read(id), await provider.providerLogOf(payment)]
      for (const _ of [1, 2]) {
        const { status: code, headers, body } = await perform(provider, act, id)
        expect([code, headers.get('idempotent-replayed')]).toEqual([400, null])
        expect(body.error).toMatchObject({
          type: 'invalid_request_error',
          code: 'payment_intent_unexpected_state',
          payment_intent: before,
        })
      }
      expect(await read(id)).toEqual(before)
      expect(await provider.providerLogOf(payment)).toEqual(lines)
    },
  )

  test.each(acts)('%s of what nobody has heard of is a 404', async act => {
    const { status, body } = await perform(provider, act, 'pi_unheardOf')
    expect([status, body.error.code]).toEqual([404, 'resource_missing'])
  })

  test('a declined intent can be confirmed with another card', async () => {
    const payment = unique()
    const id = await makeIntent(provider, payment, 'requires_payment_method')
    const card = { payment_method: 'pm_card_visa' }
    const { body } = await provider.post(`/payment_intents/${id}/confirm`, card)
    expect(body).toMatchObject({ id, status: 'succeeded', last_payment_error: null })
    expect(await provider.providerLogOf(payment)).toEqual(['intent.declined', 'intent.succeeded'])
  })
})

describe('money', () => {
  test('that is authorized is not received until it is captured, once, and as much as asked', async () => {
    const payment = unique()
    const id = await makeIntent(provider, payment, 'requires_capture')
    expect(await read(id)).toMatchObject({ amount_capturable: 9900, amount_received: 0 })
    const path = `/payment_intents/${id}/capture`
    const tooMuch = await provider.post(path, { amount_to_capture: '9901' })
    expect(tooMuch.body.error).toMatchObject({
      ...{ code: 'amount_too_large', param: 'amount_to_capture' },
    })
    const captured = await provider.post(path, { amount_to_capture: '4000' })
    const amounts = { amount: 9900, amount_capturable: 0, amount_received: 4000 }
    expect(captured.body).toMatchObject({ status: 'succeeded', ...amounts })
    expect((await provider.post(path, { amount_to_capture: '1' })).status).toBe(400)
    expect(await provider.linesOf(payment)).toMatchObject([
      { type: 'intent.authorized', amount: 9900, captureMethod: 'manual' },
      { type: 'intent.captured', amount: 4000, intentId: id, act: 'capture' },
    ])
    const more = await provider.post('/refunds', { payment_intent: id, amount: '4001' })
    expect(more.body.error).toMatchObject({ code: 'amount_too_large', param: 'amount' })
  })

  test('is paid back in parts, never more than came in, however many ask at once', async () => {
    const payment = unique()
    const id = await makeIntent(provider, payment, 'succeeded')
    const answers = await Promise.all(
      Array.from({ length: 25 }, (_, n) =>
        provider.post('/refunds', { payment_intent: id, amount: '1000' }, { key: `part-${n}` }),
      ),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(9)
    const refused = answers.filter(({ status }) => status === 400)
    expect(new Set(refused.map(({ body }) => body.error.code))).toEqual(
      new Set(['amount_too_large']),
    )

    const rest = await provider.post('/refunds', { payment_intent: id })
    expect(rest.body).toMatchObject({ object: 'refund', amount: 900, status: 'succeeded' })
    const nothing = await provider.post('/refunds', { payment_intent: id })
    expect(nothing.body.error.code).toBe('charge_already_refunded')
    const lines = await provider.linesOf(payment)
    const refunds = lines.filter(({ type }) => type === 'refund.succeeded')
    expect(refunds.reduce((sum, { amount }) => sum + amount, 0)).toBe(9900)
  })

  test('a line about a refund names the payment and the refund, and is found by both', async () => {
    const payment = unique()
    const id = await makeIntent(provider, payment, 'succeeded')
    const { body } = await perform(provider, 'refund', id)
    const [, line] = await provider.linesOf(payment)
    expect(line).toMatchObject({
      ...{ type: 'refund.succeeded', refundId: body.id, intentId: id, amount: 9900 },
      metadata: { payment_id: payment, refund_id: `r-${id}` },
    })
    expect((await provider.get(`/log?refund_id=r-${id}`)).body.lines).toEqual([line])
    expect(body.metadata).toEqual({ refund_id: `r-${id}` })
  })
})

describe('idempotency keys', () => {
  test.each(acts)('%s again is answered as it was, and done a single time', async act => {
    const payment = unique()
    const id = await makeIntent(provider, payment, readyFor[act])
    const first = await perform(provider, act, id)
    const again = await perform(provider, act, id)
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(again.headers.get('original-request')).toBe(first.headers.get('request-id'))
    expect(await provider.providerLogOf(payment)).toHaveLength(2)
  })

  test.each(acts)('%s under the key of something else is refused', async act => {
    const id = await makeIntent(provider, unique(), readyFor[act])
    const other = await makeIntent(provider, unique(), readyFor[act])
    await perform(provider, act, id, `one-${id}`)
    const { status, body } = await perform(provider, act, other, `one-${id}`)
    expect([status, body.error.type]).toEqual([400, 'idempotency_error'])
    expect((await read(other)).status).toBe(readyFor[act])
  })

  test.each(acts)('%s is in use while it runs', async act => {
    const payment = unique()
    const id = await makeIntent(provider, payment, readyFor[act])
    await provider.turn({ latencyMs: 200 })
    const answers = await Promise.all([1, 2, 3].map(() => perform(provider, act, id)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409])
    expect(await provider.providerLogOf(payment)).toHaveLength(2)
  })

  test('an answer that is stored stays as it was, whatever became of the intent since', async () => {
    const payment = unique()
    const created = await provider.charge(payment, { capture_method: 'manual' })
    const captured = await perform(provider, 'capture', created.body.id)
    await perform(provider, 'refund', created.body.id)
    const again = await provider.charge(payment, { capture_method: 'manual' })
    expect(again.body).toEqual(created.body)
    expect(again.body.status).toBe('requires_capture')
    expect((await perform(provider, 'capture', created.body.id)).body).toEqual(captured.body)
  })
})

test('after kill -9 every intent, refund and key is as it was', async () => {
  const before = await providers.start('killed.jsonl')
  const ids: string[] = []
  for (const status of statuses) ids.push(await makeIntent(before, unique(), status))
  const done: [Act, string, unknown][] = []
  for (const act of acts) {
    const id = await makeIntent(before, unique(), readyFor[act])
    done.push([act, id, (await perform(before, act, id)).body])
    ids.push(id)
  }
  const shown = await Promise.all(ids.map(id => read(id, before)))
  const refunds = await before.get('/v1/refunds?expand[]=data.payment_intent')
  expect(refunds.body.data).toHaveLength(1)
  await before.kill()

  const after = await providers.start('killed.jsonl')
  expect(await Promise.all(ids.map(id => read(id, after)))).toEqual(shown)
  expect((await after.get('/v1/refunds?expand[]=data.payment_intent')).body).toEqual(refunds.body)
  for (const [act, id, body] of done) {
    const again = await perform(after, act, id)
    expect([again.headers.get('idempotent-replayed'), again.body]).toEqual(['true', body])
  }
  const back = await after.post('/refunds', { payment_intent: done[3]?.[1] ?? '' })
  expect(back.body.error.code).toBe('charge_already_refunded')
  await after.kill()
})
