import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Action, Status } from '../actions.ts'
import { actions, makeIntent, perform, readyFor, statuses } from '../actions.ts'
import type { Provider, Providers } from '../provider.ts'
import { newPayment, openProviders } from '../provider.ts'

let providers: Providers
let provider: Provider

beforeAll(async () => {
  providers = await openProviders()
  provider = await providers.start('provider.jsonl')
})
afterAll(() => providers[Symbol.asyncDispose]())
beforeEach(async () => {
  await provider.resetSettings()
})

async function read(id: string, on = provider) {
  return (await on.get(`/v1/payment_intents/${id}`)).body
}

/** The status after each allowed action. Every other action is refused. */
const statusAfter: Readonly<Partial<Record<`${Status} ${Action}`, Status>>> = {
  'requires_confirmation confirm': 'succeeded',
  'requires_confirmation cancel': 'canceled',
  'requires_payment_method cancel': 'canceled',
  'requires_capture capture': 'succeeded',
  'requires_capture cancel': 'canceled',
  'succeeded refund': 'succeeded',
}
const moves = statuses.flatMap(status => actions.map(action => ({ status, action })))
const isLegal = ({ status, action }: (typeof moves)[number]) =>
  statusAfter[`${status} ${action}`] !== undefined

describe('actions on an intent', () => {
  test.each(moves.filter(isLegal))(
    '$action from $status is carried out',
    async ({ status, action }) => {
      const id = await makeIntent(provider, newPayment(), status)
      expect((await perform(provider, action, id)).status).toBe(200)
      expect((await read(id)).status).toBe(statusAfter[`${status} ${action}`])
    },
  )

  test.each(moves.filter(move => !isLegal(move)))(
    '$action from $status is refused and leaves no line, and its key stays free',
    async ({ status, action }) => {
      const payment = newPayment()
      const id = await makeIntent(provider, payment, status)
      const [before, lines] = [await read(id), await provider.typesOf(payment)]
      for (const _ of [1, 2]) {
        const { status: code, headers, body } = await perform(provider, action, id)
        expect([code, headers.get('idempotent-replayed')]).toEqual([400, null])
        expect(body.error).toMatchObject({
          type: 'invalid_request_error',
          code: 'payment_intent_unexpected_state',
          payment_intent: before,
        })
      }
      expect(await read(id)).toEqual(before)
      expect(await provider.typesOf(payment)).toEqual(lines)
    },
  )

  test.each(actions)('%s of an unknown intent is a 404', async action => {
    const { status, body } = await perform(provider, action, 'pi_unknown')
    expect([status, body.error.code]).toEqual([404, 'resource_missing'])
  })

  test('a declined intent can be confirmed with another card', async () => {
    const payment = newPayment()
    const id = await makeIntent(provider, payment, 'requires_payment_method')
    const card = { payment_method: 'pm_card_visa' }
    const { body } = await provider.post(`/payment_intents/${id}/confirm`, card)
    expect(body).toMatchObject({ id, status: 'succeeded', last_payment_error: null })
    expect(await provider.typesOf(payment)).toEqual(['intent.declined', 'intent.succeeded'])
  })
})

describe('money', () => {
  test('is received when it is captured, once and up to the authorized amount', async () => {
    const payment = newPayment()
    const id = await makeIntent(provider, payment, 'requires_capture')
    expect(await read(id)).toMatchObject({ amount_capturable: 9900, amount_received: 0 })
    const path = `/payment_intents/${id}/capture`
    const tooMuch = await provider.post(path, { amount_to_capture: '9901' })
    expect(tooMuch.body.error).toMatchObject({
      code: 'amount_too_large',
      param: 'amount_to_capture',
    })
    const captured = await provider.post(path, { amount_to_capture: '4000' })
    const amounts = { amount: 9900, amount_capturable: 0, amount_received: 4000 }
    expect(captured.body).toMatchObject({ status: 'succeeded', ...amounts })
    expect((await provider.post(path, { amount_to_capture: '1' })).status).toBe(400)
    expect(await provider.linesOf(payment)).toMatchObject([
      { type: 'intent.authorized', amount: 9900, captureMethod: 'manual' },
      { type: 'intent.captured', amount: 4000, intentId: id, action: 'capture' },
    ])
    const more = await provider.post('/refunds', { payment_intent: id, amount: '4001' })
    expect(more.body.error).toMatchObject({ code: 'amount_too_large', param: 'amount' })
  })

  test('is refunded in parts and never beyond the captured amount, even by concurrent requests', async () => {
    const payment = newPayment()
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

  test('of a refund has a log line that is found by the payment and by the refund', async () => {
    const payment = newPayment()
    const id = await makeIntent(provider, payment, 'succeeded')
    const { body } = await perform(provider, 'refund', id)
    const [, line] = await provider.linesOf(payment)
    expect(line).toMatchObject({
      type: 'refund.succeeded',
      refundId: body.id,
      intentId: id,
      amount: 9900,
      metadata: { payment_id: payment, refund_id: `r-${id}` },
    })
    expect((await provider.get(`/log?refund_id=r-${id}`)).body.lines).toEqual([line])
    expect(body.metadata).toEqual({ refund_id: `r-${id}` })
  })
})

describe('idempotency keys', () => {
  test.each(actions)(
    'a repeated %s gets the same answer and is carried out a single time',
    async action => {
      const payment = newPayment()
      const id = await makeIntent(provider, payment, readyFor[action])
      const first = await perform(provider, action, id)
      const again = await perform(provider, action, id)
      expect(again.body).toEqual(first.body)
      expect(again.headers.get('idempotent-replayed')).toBe('true')
      expect(again.headers.get('original-request')).toBe(first.headers.get('request-id'))
      expect(await provider.typesOf(payment)).toHaveLength(2)
    },
  )

  test.each(actions)('%s under the key of another request is refused', async action => {
    const id = await makeIntent(provider, newPayment(), readyFor[action])
    const other = await makeIntent(provider, newPayment(), readyFor[action])
    await perform(provider, action, id, `one-${id}`)
    const { status, body } = await perform(provider, action, other, `one-${id}`)
    expect([status, body.error.type]).toEqual([400, 'idempotency_error'])
    expect((await read(other)).status).toBe(readyFor[action])
  })

  test.each(actions)('the key of a %s is in use while it runs', async action => {
    const payment = newPayment()
    const id = await makeIntent(provider, payment, readyFor[action])
    await provider.changeSettings({ latencyMs: 200 })
    const answers = await Promise.all([1, 2, 3].map(() => perform(provider, action, id)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409])
    expect(await provider.typesOf(payment)).toHaveLength(2)
  })

  test('a stored answer stays the same when the intent changes', async () => {
    const payment = newPayment()
    const created = await provider.charge(payment, { capture_method: 'manual' })
    const captured = await perform(provider, 'capture', created.body.id)
    await perform(provider, 'refund', created.body.id)
    const again = await provider.charge(payment, { capture_method: 'manual' })
    expect(again.body).toEqual(created.body)
    expect(again.body.status).toBe('requires_capture')
    expect((await perform(provider, 'capture', created.body.id)).body).toEqual(captured.body)
  })
})

test('after kill -9 every intent, refund and key is restored', async () => {
  const before = await providers.start('killed.jsonl')
  const ids: string[] = []
  for (const status of statuses) ids.push(await makeIntent(before, newPayment(), status))
  const done: [Action, string, unknown][] = []
  for (const action of actions) {
    const id = await makeIntent(before, newPayment(), readyFor[action])
    done.push([action, id, (await perform(before, action, id)).body])
    ids.push(id)
  }
  const shown = await Promise.all(ids.map(id => read(id, before)))
  const refunds = await before.get('/v1/refunds?expand[]=data.payment_intent')
  expect(refunds.body.data).toHaveLength(1)
  await before.kill()

  const after = await providers.start('killed.jsonl')
  expect(await Promise.all(ids.map(id => read(id, after)))).toEqual(shown)
  expect((await after.get('/v1/refunds?expand[]=data.payment_intent')).body).toEqual(refunds.body)
  for (const [action, id, body] of done) {
    const again = await perform(after, action, id)
    expect([again.headers.get('idempotent-replayed'), again.body]).toEqual(['true', body])
  }
  const back = await after.post('/refunds', { payment_intent: done[3]?.[1] ?? '' })
  expect(back.body.error.code).toBe('charge_already_refunded')
  await after.kill()
})
