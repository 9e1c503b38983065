import { appendFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../../../wait-until.ts'
import type { Provider, Providers } from '../provider.ts'
import { openProviders, patienceMs, unique } from '../provider.ts'
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

/** The lines about the webhooks of a payment, once there are as many. */
function webhookLines(payment: string, count: number, on = provider) {
  return waitUntil(`${count} lines about webhooks`, async () => {
    const lines = (await on.linesOf(payment)).filter(({ type }) => type.startsWith('webhook.'))
    return lines.length >= count ? lines : undefined
  })
}

describe('a webhook', () => {
  test('tells what a charge became, signed, and in the words of the API', async () => {
    const payment = unique()
    const { body, headers } = await provider.charge(payment)
    const [received] = await receiver.waitFor(payment, 1)
    expect(received?.event).toEqual({
      id: expect.stringMatching(/^evt_/),
      object: 'event',
      api_version: expect.any(String),
      type: 'payment_intent.succeeded',
      created: body.created,
      data: { object: body },
      livemode: false,
      pending_webhooks: 1,
      request: { id: headers.get('request-id'), idempotency_key: `key-${payment}` },
    })
    expect(received?.signed).toBe(true)
    expect(Math.abs(Date.now() - (received?.signedAtMs ?? 0))).toBeLessThan(10_000)
    const [sent] = await webhookLines(payment, 1)
    const eventId = received?.event.id
    expect(sent).toMatchObject({ type: 'webhook.sent', eventId, intentId: body.id })
    expect(sent).toMatchObject({ status: 200, attempt: 1, copy: 0 })
  })

  test('tells of a decline and of a late charge, and never of a replay', async () => {
    const [declined, late] = [unique(), unique()]
    const fields = { payment_method: 'pm_card_chargeDeclined' }
    await provider.charge(declined, fields)
    await provider.charge(declined, fields)
    await provider.turn({ lateMs: 100 })
    await provider.chargeInSilence(late)
    const [failed] = await receiver.waitFor(declined, 1)
    expect(failed?.event.type).toBe('payment_intent.payment_failed')
    expect(failed?.event.data.object.status).toBe('requires_payment_method')
    const [succeeded] = await receiver.waitFor(late, 1)
    expect(succeeded?.event.type).toBe('payment_intent.succeeded')
    expect(receiver.of(declined)).toHaveLength(1)
  })

  test('is sent again under its id until somebody takes it', async () => {
    receiver.answer(500)
    const payment = unique()
    await provider.charge(payment)
    await receiver.waitFor(payment, 2)
    receiver.answer(204)
    const lines = await webhookLines(payment, 3)
    expect(lines.map(({ status, attempt }) => [status, attempt])).toEqual([
      ...[
        [500, 1],
        [500, 2],
        [204, 3],
      ],
    ])
    const ids = receiver.of(payment).map(({ event }) => event.id)
    expect(new Set(ids).size).toBe(1)
    expect(receiver.of(payment).every(({ signed }) => signed)).toBe(true)
  })
})

describe('settings', () => {
  test('a webhook can come several times over', async () => {
    await provider.turn({ webhookDuplicates: 4 })
    const payment = unique()
    await provider.charge(payment)
    const received = await receiver.waitFor(payment, 5)
    expect(new Set(received.map(({ event }) => event.id)).size).toBe(1)
    const lines = await webhookLines(payment, 5)
    expect(lines.map(({ copy }) => copy).toSorted()).toEqual([0, 1, 2, 3, 4])
  })

  test('a webhook can come before the answer that it is about', async () => {
    await provider.turn({ webhookEarly: true })
    const payment = unique()
    const before = { answered: false }
    receiver.answer(null)
    const charge = provider.charge(payment).then(answer => {
      before.answered = true
      return answer
    })
    const [received] = await receiver.waitFor(payment, 1)
    expect(before.answered).toBe(false)
    const shown = await provider.get(`/v1/payment_intents/${received?.event.data.object.id}`)
    expect(shown.body).toEqual(received?.event.data.object)
    // The receiver never answers, and the answer comes all the same.
    expect((await charge).status).toBe(200)
  })

  test('webhooks can change places, and one without another is not held for ever', async () => {
    await provider.turn({ webhookShuffle: true })
    const [first, second, single] = [unique(), unique(), unique()]
    await provider.charge(first)
    await waitUntil('it is decided', async () => (await provider.providerLogOf(first)).length === 1)
    await provider.charge(second)
    const [sentSecond] = await webhookLines(second, 1)
    const [sentFirst] = await webhookLines(first, 1)
    expect(sentSecond.seq).toBeLessThan(sentFirst.seq)
    await provider.charge(single)
    await receiver.waitFor(single, 1)
  })

  test('a webhook can come late', async () => {
    await provider.turn({ webhookDelayMs: 2 * patienceMs })
    const payment = unique()
    await provider.charge(payment)
    const [sent] = await webhookLines(payment, 1)
    const [charged] = await provider.linesOf(payment)
    expect(Date.parse(sent.at) - Date.parse(charged.at)).toBeGreaterThan(patienceMs)
  })

  test('a webhook can be lost for good, and the log says so', async () => {
    await provider.turn({ webhookDropRate: 1 })
    const payment = unique()
    await provider.charge(payment)
    expect(await webhookLines(payment, 1)).toMatchObject([{ type: 'webhook.dropped' }])
    await provider.rest()
    const next = unique()
    await provider.charge(next)
    await receiver.waitFor(next, 1)
    expect(receiver.of(payment)).toEqual([])
  })
})

describe('a restart', () => {
  test('after kill -9 tells what was not told, and nothing that was', async () => {
    const before = await providers.start('killed.jsonl')
    const [told, untold] = [unique(), unique()]
    await before.charge(told)
    await webhookLines(told, 1, before)
    receiver.answer(503)
    await before.charge(untold)
    const [refused] = await webhookLines(untold, 1, before)
    expect(refused).toMatchObject({ status: 503, attempt: 1 })
    await before.kill()
    receiver.answer(200)

    const after = await providers.start('killed.jsonl')
    const lines = await webhookLines(untold, 2, after)
    expect(lines.at(-1)).toMatchObject({ status: 200, eventId: refused.eventId })
    expect(lines.at(-1).attempt).toBeGreaterThan(1)
    expect(await after.stop()).toBe(0)
    expect(receiver.of(told)).toHaveLength(1)
  })

  test('with webhooks for the first time tells nothing of charges from before', async () => {
    const without = await providers.start('new.jsonl', {})
    const [old, fresh] = [unique(), unique()]
    await without.charge(old)
    await without.stop()
    const after = await providers.start('new.jsonl')
    await after.charge(fresh)
    await receiver.waitFor(fresh, 1)
    expect(receiver.of(old)).toEqual([])
    await after.kill()
  })

  test('gives up after the last attempt, and when it is too long ago', async () => {
    const [tooOften, tooOld] = [unique(), unique()]
    const line = (seq: number, payment: string, hoursAgo: number, more: object) => {
      const at = new Date(Date.now() - hoursAgo * 3_600_000).toISOString()
      const facts = { eventId: `evt_${payment}`, intentId: `pi_${payment}` }
      return JSON.stringify({ at, seq, ...facts, metadata: { payment_id: payment }, ...more })
    }
    const charged = {
      ...{ type: 'intent.succeeded', amount: 9900, currency: 'eur', paymentMethod: 'visa' },
      ...{ idempotencyKey: null, requestId: 'req_1', fingerprint: 'f' },
    }
    const sent = { type: 'webhook.sent', attempt: 14, copy: 0, error: 'ECONNREFUSED' }
    const lines = [
      line(1, tooOften, 1, charged),
      line(2, tooOften, 1, sent),
      line(3, tooOld, 3, charged),
    ]
    await appendFile(providers.file('old.jsonl'), `${lines.join('\n')}\n`)
    receiver.answer(404)
    const after = await providers.start('old.jsonl')
    const gaveUp = { type: 'webhook.abandoned' }
    expect((await webhookLines(tooOften, 3, after)).at(-1)).toMatchObject({
      ...{ ...gaveUp, attempt: 15, cause: 'tries' },
    })
    expect((await webhookLines(tooOld, 2, after)).at(-1)).toMatchObject({
      ...{ ...gaveUp, attempt: 1, cause: 'window' },
    })
    await after.kill()
    receiver.answer(200)
    const again = await providers.start('old.jsonl')
    const fresh = unique()
    await again.charge(fresh)
    await receiver.waitFor(fresh, 1)
    expect(receiver.of(tooOld)).toHaveLength(1)
    await again.kill()
  })
})

test('nobody there is an attempt like any other, and does not keep it from stopping', async () => {
  const nobody = { ...receiver.env, WEBHOOK_URL: 'http://127.0.0.1:1/webhooks' }
  const lonely = await providers.start('lonely.jsonl', nobody)
  const payment = unique()
  expect((await lonely.charge(payment)).status).toBe(200)
  const [failed] = await webhookLines(payment, 1, lonely)
  expect(failed.error).toBeTypeOf('string')
  expect(failed).not.toHaveProperty('status')
  expect(await lonely.stop()).toBe(0)
})

test('a URL without a secret, or the other way round, stops the start', async () => {
  for (const name of ['WEBHOOK_URL', 'WEBHOOK_SECRET'] as const) {
    const half = { [name]: receiver.env[name] ?? '' }
    await expect(providers.start('half.jsonl', half)).rejects.toThrow('give both or neither')
  }
})
