import { appendFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../../../wait-until.ts'
import type { Provider, Providers } from '../provider.ts'
import { newPayment, noAnswerMs, openProviders } from '../provider.ts'
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

/** Waits for so many lines about the webhooks of a payment. */
function webhookLines(payment: string, count: number, on = provider) {
  return waitUntil(`there are ${count} lines about webhooks`, async () => {
    const lines = (await on.linesOf(payment)).filter(({ type }) => type.startsWith('webhook.'))
    return lines.length >= count ? lines : undefined
  })
}

describe('a webhook', () => {
  test('is signed, and carries the charge as the API shows it', async () => {
    const payment = newPayment()
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

  test('is sent for a decline and a delayed charge, and not for a replay', async () => {
    const [declined, late] = [newPayment(), newPayment()]
    const fields = { payment_method: 'pm_card_chargeDeclined' }
    await provider.charge(declined, fields)
    await provider.charge(declined, fields)
    await provider.changeSettings({ lateMs: 100 })
    await provider.chargeUnanswered(late)
    const [failed] = await receiver.waitFor(declined, 1)
    expect(failed?.event.type).toBe('payment_intent.payment_failed')
    expect(failed?.event.data.object.status).toBe('requires_payment_method')
    const [succeeded] = await receiver.waitFor(late, 1)
    expect(succeeded?.event.type).toBe('payment_intent.succeeded')
    expect(receiver.receivedFor(declined)).toHaveLength(1)
  })

  test('is retried under the same id until it is accepted', async () => {
    receiver.answerWith(500)
    const payment = newPayment()
    await provider.charge(payment)
    await receiver.waitFor(payment, 2)
    receiver.answerWith(204)
    const lines = await webhookLines(payment, 3)
    expect(lines.map(({ status, attempt }) => [status, attempt])).toEqual([
      [500, 1],
      [500, 2],
      [204, 3],
    ])
    const ids = receiver.receivedFor(payment).map(({ event }) => event.id)
    expect(new Set(ids).size).toBe(1)
    expect(receiver.receivedFor(payment).every(({ signed }) => signed)).toBe(true)
  })
})

describe('with a fault setting', () => {
  test('a webhook can come several times', async () => {
    await provider.changeSettings({ webhookDuplicates: 4 })
    const payment = newPayment()
    await provider.charge(payment)
    const received = await receiver.waitFor(payment, 5)
    expect(new Set(received.map(({ event }) => event.id)).size).toBe(1)
    const lines = await webhookLines(payment, 5)
    expect(lines.map(({ copy }) => copy).toSorted()).toEqual([0, 1, 2, 3, 4])
  })

  test('a webhook can come before the answer to its request', async () => {
    await provider.changeSettings({ webhookEarly: true })
    const payment = newPayment()
    const charging = { answered: false }
    receiver.answerWith(null)
    const charge = provider.charge(payment).then(answer => {
      charging.answered = true
      return answer
    })
    const [received] = await receiver.waitFor(payment, 1)
    expect(charging.answered).toBe(false)
    const shown = await provider.get(`/v1/payment_intents/${received?.event.data.object.id}`)
    expect(shown.body).toEqual(received?.event.data.object)
    // The receiver never answers, and the charge is answered all the same.
    expect((await charge).status).toBe(200)
  })

  test('two webhooks can change places, and a single one is sent after a while', async () => {
    await provider.changeSettings({ webhookShuffle: true })
    const [first, second, single] = [newPayment(), newPayment(), newPayment()]
    await provider.charge(first)
    await waitUntil(
      'the first webhook waits for another one',
      async () => (await provider.typesOf(first)).length === 1,
    )
    await provider.charge(second)
    const [sentSecond] = await webhookLines(second, 1)
    const [sentFirst] = await webhookLines(first, 1)
    expect(sentSecond.seq).toBeLessThan(sentFirst.seq)
    await provider.charge(single)
    await receiver.waitFor(single, 1)
  })

  test('a webhook can come late', async () => {
    await provider.changeSettings({ webhookDelayMs: 2 * noAnswerMs })
    const payment = newPayment()
    await provider.charge(payment)
    const [sent] = await webhookLines(payment, 1)
    const [charged] = await provider.linesOf(payment)
    expect(Date.parse(sent.at) - Date.parse(charged.at)).toBeGreaterThan(noAnswerMs)
  })

  test('a webhook can be lost for good, and the log says so', async () => {
    await provider.changeSettings({ webhookDropRate: 1 })
    const payment = newPayment()
    await provider.charge(payment)
    expect(await webhookLines(payment, 1)).toMatchObject([{ type: 'webhook.dropped' }])
    await provider.resetSettings()
    const next = newPayment()
    await provider.charge(next)
    await receiver.waitFor(next, 1)
    expect(receiver.receivedFor(payment)).toEqual([])
  })
})

describe('a restart', () => {
  test('after kill -9 delivers the undelivered webhooks, and no delivered one', async () => {
    const before = await providers.start('killed.jsonl')
    const [delivered, undelivered] = [newPayment(), newPayment()]
    await before.charge(delivered)
    await webhookLines(delivered, 1, before)
    receiver.answerWith(503)
    await before.charge(undelivered)
    const [refused] = await webhookLines(undelivered, 1, before)
    expect(refused).toMatchObject({ status: 503, attempt: 1 })
    await before.kill()
    receiver.answerWith(200)

    const after = await providers.start('killed.jsonl')
    const lines = await webhookLines(undelivered, 2, after)
    expect(lines.at(-1)).toMatchObject({ status: 200, eventId: refused.eventId })
    expect(lines.at(-1).attempt).toBeGreaterThan(1)
    expect(await after.stop()).toBe(0)
    expect(receiver.receivedFor(delivered)).toHaveLength(1)
  })

  test('with webhooks for the first time sends none about earlier charges', async () => {
    const without = await providers.start('new.jsonl', {})
    const [old, fresh] = [newPayment(), newPayment()]
    await without.charge(old)
    await without.stop()
    const after = await providers.start('new.jsonl')
    await after.charge(fresh)
    await receiver.waitFor(fresh, 1)
    expect(receiver.receivedFor(old)).toEqual([])
    await after.kill()
  })

  test('abandons a webhook after its last attempt, or when its operation is too old', async () => {
    const [tooOften, tooOld] = [newPayment(), newPayment()]
    const line = (seq: number, payment: string, hoursAgo: number, more: object) => {
      const at = new Date(Date.now() - hoursAgo * 3_600_000).toISOString()
      const facts = { eventId: `evt_${payment}`, intentId: `pi_${payment}` }
      return JSON.stringify({ at, seq, ...facts, metadata: { payment_id: payment }, ...more })
    }
    const charged = {
      type: 'intent.succeeded',
      amount: 9900,
      currency: 'eur',
      paymentMethod: 'visa',
      idempotencyKey: null,
      requestId: 'req_1',
      fingerprint: 'f',
    }
    const sent = { type: 'webhook.sent', attempt: 14, copy: 0, error: 'ECONNREFUSED' }
    const lines = [
      line(1, tooOften, 1, charged),
      line(2, tooOften, 1, sent),
      line(3, tooOld, 3, charged),
    ]
    await appendFile(providers.file('old.jsonl'), `${lines.join('\n')}\n`)
    receiver.answerWith(404)
    const after = await providers.start('old.jsonl')
    expect((await webhookLines(tooOften, 3, after)).at(-1)).toMatchObject({
      type: 'webhook.abandoned',
      attempt: 15,
      cause: 'tries',
    })
    expect((await webhookLines(tooOld, 2, after)).at(-1)).toMatchObject({
      type: 'webhook.abandoned',
      attempt: 1,
      cause: 'window',
    })
    await after.kill()
    receiver.answerWith(200)
    const again = await providers.start('old.jsonl')
    const fresh = newPayment()
    await again.charge(fresh)
    await receiver.waitFor(fresh, 1)
    expect(receiver.receivedFor(tooOld)).toHaveLength(1)
    await again.kill()
  })
})

test('an unreachable endpoint counts as a failed attempt, and does not prevent the stop', async () => {
  const unreachable = { ...receiver.env, WEBHOOK_URL: 'http://127.0.0.1:1/webhooks' }
  const simulator = await providers.start('unreachable.jsonl', unreachable)
  const payment = newPayment()
  expect((await simulator.charge(payment)).status).toBe(200)
  const [failed] = await webhookLines(payment, 1, simulator)
  expect(failed.error).toBeTypeOf('string')
  expect(failed).not.toHaveProperty('status')
  expect(await simulator.stop()).toBe(0)
})

test('a URL without a secret, or a secret without a URL, prevents the start', async () => {
  for (const name of ['WEBHOOK_URL', 'WEBHOOK_SECRET'] as const) {
    const half = { [name]: receiver.env[name] ?? '' }
    await expect(providers.start('half.jsonl', half)).rejects.toThrow('give both or neither')
  }
})
