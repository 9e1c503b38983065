import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../../../wait-until.ts'
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

test('after a charge that was answered with a 500, the retry gets the stored answer', async () => {
  await provider.changeSettings({ errorAfterRate: 1 })
  const payment = newPayment()
  for (const _ of [1, 2]) {
    const { status, body } = await provider.charge(payment)
    expect([status, body.error.type]).toEqual([500, 'api_error'])
    expect(body.error).not.toHaveProperty('payment_intent')
  }
  await provider.resetSettings()
  const { status, headers } = await provider.charge(payment)
  expect([status, headers.get('idempotent-replayed')]).toEqual([200, 'true'])

  const [charged, first, second] = await provider.linesOf(payment)
  expect(charged).toMatchObject({ type: 'intent.succeeded' })
  const { intentId } = charged
  expect(first).toMatchObject({ type: 'reply.error', intentId, replayed: false, cause: 'setting' })
  expect(second).toMatchObject({ type: 'reply.error', intentId, replayed: true, cause: 'setting' })
})

test('a decline can be answered with a 500 as well', async () => {
  await provider.changeSettings({ errorAfterRate: 1 })
  const payment = newPayment()
  const declined = { payment_method: 'pm_card_chargeDeclined' }
  expect((await provider.charge(payment, declined)).status).toBe(500)
  expect(await provider.typesOf(payment)).toEqual(['intent.declined', 'reply.error'])
})

test('pm_card_errorAfter is charged and answered with a 500, and the retry gets the stored answer', async () => {
  const payment = newPayment()
  const fields = { payment_method: 'pm_card_errorAfter' }
  expect((await provider.charge(payment, fields)).status).toBe(500)
  const { status, headers } = await provider.charge(payment, fields)
  expect([status, headers.get('idempotent-replayed')]).toEqual([200, 'true'])
  const [, failed] = await provider.linesOf(payment)
  expect(failed).toMatchObject({ type: 'reply.error', cause: 'payment_method', replayed: false })
})

describe('a dripping answer', () => {
  test('comes byte by byte and complete, and is the same as an answer at once', async () => {
    const payment = newPayment()
    const atOnce = await provider.charge(payment)
    await provider.changeSettings({ dripMs: 1 })
    const startedAt = performance.now()
    const dripping = await provider.charge(payment)
    expect(dripping.body).toEqual(atOnce.body)
    expect(dripping.headers.get('idempotent-replayed')).toBe('true')
    const bytes = Number(dripping.headers.get('content-length'))
    expect(bytes).toBe(JSON.stringify(atOnce.body).length)
    expect(performance.now() - startedAt).toBeGreaterThan(bytes - 2)
    expect(await provider.typesOf(payment)).toEqual(['intent.succeeded'])
  })

  test('sends its first bytes soon, and its last ones after the client has given up', async () => {
    await provider.changeSettings({ dripMs: 50 })
    const payment = newPayment()
    await provider.chargeUnanswered(payment)
    expect(await provider.typesOf(payment)).toEqual(['intent.succeeded'])
    await provider.resetSettings()
    expect((await provider.charge(payment)).headers.get('idempotent-replayed')).toBe('true')
  })

  test('can be a 500 as well, and the rate limits how many answers drip', async () => {
    await provider.changeSettings({ dripMs: 1, errorAfterRate: 1 })
    expect((await provider.charge(newPayment())).status).toBe(500)
    await provider.resetSettings()
    await provider.changeSettings({ dripMs: 10_000, dripRate: 0 })
    expect((await provider.charge(newPayment())).status).toBe(200)
  })

  test('does not prevent the provider from stopping', async () => {
    const stopping = await providers.start('dripping.jsonl')
    await stopping.changeSettings({ dripMs: 10_000 })
    const payment = newPayment()
    const answers = Promise.allSettled([stopping.charge(payment)])
    await waitUntil(
      'the charge is made',
      async () => (await stopping.typesOf(payment)).length === 1,
    )
    expect(await stopping.stop()).toBe(0)
    expect(await answers).toMatchObject([{ status: 'rejected' }])
  })
})
