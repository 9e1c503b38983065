import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../../../wait-until.ts'
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

test('a charge can be answered with a 500: the retry learns that money moved', async () => {
  await provider.turn({ errorAfterRate: 1 })
  const payment = unique()
  for (const _ of [1, 2]) {
    const { status, body } = await provider.charge(payment)
    expect([status, body.error.type]).toEqual([500, 'api_error'])
    expect(body.error).not.toHaveProperty('payment_intent')
  }
  await provider.rest()
  const { status, headers } = await provider.charge(payment)
  expect([status, headers.get('idempotent-replayed')]).toEqual([200, 'true'])

  const [charged, first, second] = await provider.linesOf(payment)
  expect(charged).toMatchObject({ type: 'intent.succeeded' })
  const { intentId } = charged
  expect(first).toMatchObject({ type: 'reply.error', intentId, replayed: false, cause: 'setting' })
  expect(second).toMatchObject({ type: 'reply.error', intentId, replayed: true, cause: 'setting' })
})

test('a decline can be answered with a 500 just the same', async () => {
  await provider.turn({ errorAfterRate: 1 })
  const payment = unique()
  const declined = { payment_method: 'pm_card_chargeDeclined' }
  expect((await provider.charge(payment, declined)).status).toBe(500)
  expect(await provider.providerLogOf(payment)).toEqual(['intent.declined', 'reply.error'])
})

test('pm_card_errorAfter is charged, answered 500, and then told the truth', async () => {
  const payment = unique()
  const fields = { payment_method: 'pm_card_errorAfter' }
  expect((await provider.charge(payment, fields)).status).toBe(500)
  const { status, headers } = await provider.charge(payment, fields)
  expect([status, headers.get('idempotent-replayed')]).toEqual([200, 'true'])
  const [, spoilt] = await provider.linesOf(payment)
  expect(spoilt).toMatchObject({ type: 'reply.error', cause: 'payment_method', replayed: false })
})

describe('an answer that drips', () => {
  test('comes byte by byte, whole, and as it would have come at once', async () => {
    const payment = unique()
    const atOnce = await provider.charge(payment)
    await provider.turn({ dripMs: 1 })
    const startedAt = performance.now()
    const dripping = await provider.charge(payment)
    expect(dripping.body).toEqual(atOnce.body)
    expect(dripping.headers.get('idempotent-replayed')).toBe('true')
    const bytes = Number(dripping.headers.get('content-length'))
    expect(bytes).toBe(JSON.stringify(atOnce.body).length)
    expect(performance.now() - startedAt).toBeGreaterThan(bytes - 2)
    expect(await provider.providerLogOf(payment)).toEqual(['intent.succeeded'])
  })

  test('gives its first bytes soon and its last ones too late for a client in a hurry', async () => {
    await provider.turn({ dripMs: 50 })
    const payment = unique()
    await provider.chargeInSilence(payment)
    expect(await provider.providerLogOf(payment)).toEqual(['intent.succeeded'])
    await provider.rest()
    expect((await provider.charge(payment)).headers.get('idempotent-replayed')).toBe('true')
  })

  test('is also a decline or a 500, and a share of them at choice', async () => {
    await provider.turn({ dripMs: 1, errorAfterRate: 1 })
    expect((await provider.charge(unique())).status).toBe(500)
    await provider.rest()
    await provider.turn({ dripMs: 10_000, dripRate: 0 })
    expect((await provider.charge(unique())).status).toBe(200)
  })

  test('does not keep the provider from stopping', async () => {
    const stopping = await providers.start('dripping.jsonl')
    await stopping.turn({ dripMs: 10_000 })
    const payment = unique()
    const answers = Promise.allSettled([stopping.charge(payment)])
    await waitUntil('the charge', async () => (await stopping.providerLogOf(payment)).length === 1)
    expect(await stopping.stop()).toBe(0)
    expect(await answers).toMatchObject([{ status: 'rejected' }])
  })
})
