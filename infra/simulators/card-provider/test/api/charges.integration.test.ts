import { appendFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../../../wait-until.ts'
import type { Provider, Providers } from '../provider.ts'
import { answerOf, newPayment, openProviders, secretKey } from '../provider.ts'

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

describe('charging', () => {
  test('a good card is charged at once, and the charge can be read', async () => {
    const payment = newPayment()
    const { status, headers, body } = await provider.charge(payment)
    expect(status).toBe(200)
    expect(headers.get('request-id')).toMatch(/^req_/)
    expect(body).toMatchObject({ status: 'succeeded', amount_received: 9900, currency: 'eur' })
    expect(body.metadata).toEqual({ payment_id: payment })

    expect((await provider.get(`/v1/payment_intents/${body.id}`)).body).toEqual(body)
    const list = await provider.get(`/v1/payment_intents?metadata[payment_id]=${payment}`)
    expect(list.body).toMatchObject({ object: 'list', data: [body], has_more: false })
  })

  test('a declined card gets a 402 with the intent, and no money is received', async () => {
    const payment = newPayment()
    const fields = { payment_method: 'pm_card_chargeDeclinedInsufficientFunds' }
    const { status, body } = await provider.charge(payment, fields)
    expect(status).toBe(402)
    expect(body.error).toMatchObject({
      type: 'card_error',
      code: 'card_declined',
      decline_code: 'insufficient_funds',
      payment_intent: { status: 'requires_payment_method', amount_received: 0 },
    })
    expect(await provider.typesOf(payment)).toEqual(['intent.declined'])
  })

  test('the setting declineRate declines good cards', async () => {
    await provider.changeSettings({ declineRate: 1 })
    const { body } = await provider.charge(newPayment())
    expect(body.error.decline_code).toBe('generic_decline')
  })

  test.each([
    [{ amount: '12.5' }, 'amount'],
    [{ amount: '0' }, 'amount'],
    [{ amount: '100000000' }, 'amount'],
    [{ currency: 'EURO' }, 'currency'],
    [{ confirm: 'perhaps' }, 'confirm'],
    [{ payment_method: 'pm_card_unheardOf' }, 'payment_method'],
    [{ colour: 'red' }, 'colour'],
    [{ 'metadata[note]': 'x'.repeat(501) }, 'metadata'],
  ])(
    '%o is refused with the name of its parameter, and its key stays free',
    async (fields, param) => {
      const payment = newPayment()
      const refused = await provider.charge(payment, fields as Record<string, string>)
      expect(refused.status).toBe(400)
      expect(refused.body.error).toMatchObject({ type: 'invalid_request_error', param })
      expect((await provider.charge(payment)).status).toBe(200)
    },
  )

  test('the fields of older clients are accepted', async () => {
    const fields = { 'payment_method_types[]': 'card', 'expand[]': 'latest_charge' }
    const { body } = await provider.charge(newPayment(), fields)
    expect(body.latest_charge).toMatchObject({ object: 'charge', payment_intent: body.id })
  })

  test.each([
    ['/payment_intents?colour=red', 'colour'],
    ['/payment_intents?limit=0', 'limit'],
    ['/payment_intents?limit=101', 'limit'],
    ['/payment_intents?starting_after=pi_none', 'starting_after'],
    ['/payment_intents?expand[]=data.customer', 'expand'],
    ['/payment_intents/search', 'query'],
    ["/payment_intents/search?query=status:'succeeded'", 'query'],
    ['/refunds?payment_intent=', 'payment_intent'],
  ])('%s is refused with the name of its parameter', async (path, param) => {
    const { status, body } = await provider.get(`/v1${path}`)
    expect(status).toBe(400)
    expect(body.error).toMatchObject({ type: 'invalid_request_error', param })
  })

  test('the name of the authorization scheme is accepted in any case', async () => {
    // Scheme names are case-insensitive (RFC 9110, 11.1).
    const headers = { authorization: `bearer  ${secretKey}` }
    const { status } = await answerOf(fetch(`${provider.url}/v1/refunds`, { headers }))
    expect(status).toBe(200)
  })

  test('without the secret key a request gets a 401', async () => {
    const url = `${provider.url}/v1/payment_intents`
    for (const authorization of ['', 'Bearer sk_wrong', secretKey, `Basic ${secretKey}`]) {
      const { status, body } = await answerOf(
        fetch(url, { method: 'POST', headers: { authorization } }),
      )
      expect(status).toBe(401)
      expect(body.error.type).toBe('invalid_request_error')
    }
  })

  test('a body above the size limit is refused', async () => {
    const { status } = await provider.charge(newPayment(), {
      'metadata[note]': 'x'.repeat(17 * 1024),
    })
    expect(status).toBe(413)
  })
})

describe('idempotency keys', () => {
  test('a repeated request gets the same answer, and the card is charged a single time', async () => {
    for (const payment_method of ['pm_card_visa', 'pm_card_chargeDeclined']) {
      const payment = newPayment()
      const first = await provider.charge(payment, { payment_method })
      const again = await provider.charge(payment, { payment_method })
      expect(again.status).toBe(first.status)
      expect(again.body).toEqual(first.body)
      expect(first.headers.get('idempotent-replayed')).toBeNull()
      expect(again.headers.get('idempotent-replayed')).toBe('true')
      expect(await provider.typesOf(payment)).toHaveLength(1)
    }
  })

  test('a key of another request is refused', async () => {
    const payment = newPayment()
    await provider.charge(payment)
    const { status, body } = await provider.charge(payment, { amount: '9901' })
    expect(status).toBe(400)
    expect(body.error.type).toBe('idempotency_error')
    expect(await provider.typesOf(payment)).toEqual(['intent.succeeded'])
  })

  test('a key is in use while its first request runs', async () => {
    await provider.changeSettings({ latencyMs: 200 })
    const payment = newPayment()
    const answers = await Promise.all([
      provider.charge(payment),
      provider.charge(payment),
      provider.charge(payment),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409])
    const refused = answers.find(({ status }) => status === 409)
    expect(refused?.body.error.code).toBe('idempotency_key_in_use')
    expect(await provider.typesOf(payment)).toEqual(['intent.succeeded'])
  })

  test('two hundred concurrent requests under one key charge a single time', async () => {
    const payment = newPayment()
    const answers = await Promise.all(Array.from({ length: 200 }, () => provider.charge(payment)))
    const ids = new Set(answers.flatMap(({ status, body }) => (status === 200 ? [body.id] : [])))
    expect(ids.size).toBe(1)
    expect(await provider.typesOf(payment)).toEqual(['intent.succeeded'])
  })

  test('without a key every request is a new charge', async () => {
    const payment = newPayment()
    await provider.charge(payment, {}, { key: '' })
    await provider.charge(payment, {}, { key: '' })
    expect(await provider.typesOf(payment)).toEqual(['intent.succeeded', 'intent.succeeded'])
  })

  test('after its window a key is forgotten, and the card is charged again', async () => {
    const providerLog = providers.file('old.jsonl')
    const payment = newPayment()
    const twoMinutesAgo = new Date(Date.now() - 120_000).toISOString()
    const line = {
      at: twoMinutesAgo,
      seq: 1,
      type: 'intent.succeeded',
      amount: 9900,
      currency: 'eur',
      metadata: { payment_id: payment },
      paymentMethod: 'visa',
      idempotencyKey: `key-${payment}`,
      requestId: 'req_1',
      intentId: 'pi_1',
      fingerprint: 'of another request',
    }
    await appendFile(providerLog, `${JSON.stringify(line)}\n`)
    const old = await providers.start('old.jsonl')
    expect((await old.charge(payment)).body.error.type).toBe('idempotency_error')
    await old.changeSettings({ keyWindowSeconds: 60 })
    expect((await old.charge(payment)).status).toBe(200)
    expect(await old.typesOf(payment)).toEqual(['intent.succeeded', 'intent.succeeded'])
    await old.stop()
  })
})

describe('silence', () => {
  test('after a charge whose answer was lost, the retry gets the stored answer', async () => {
    await provider.changeSettings({ silence: 'after' })
    const payment = newPayment()
    await provider.chargeUnanswered(payment)
    await provider.chargeUnanswered(payment)
    await provider.changeSettings({ silence: 'none' })
    const { status, headers } = await provider.charge(payment)
    expect([status, headers.get('idempotent-replayed')]).toEqual([200, 'true'])

    const { body } = await provider.get(`/log?payment_id=${payment}`)
    expect(body.lines).toMatchObject([
      { type: 'intent.succeeded', amount: 9900 },
      { type: 'reply.withheld', replayed: false, cause: 'setting' },
      { type: 'reply.withheld', replayed: true, cause: 'setting' },
    ])
    expect(body.lines[1].intentId).toBe(body.lines[0].intentId)
  })

  test('after a request that was lost, its key is free even for another request', async () => {
    await provider.changeSettings({ silence: 'before' })
    const payment = newPayment()
    await provider.chargeUnanswered(payment)
    await provider.changeSettings({ silence: 'none' })
    const { status, headers } = await provider.charge(payment, { amount: '500' })
    expect([status, headers.get('idempotent-replayed')]).toEqual([200, null])
    expect(await provider.typesOf(payment)).toEqual(['request.dropped', 'intent.succeeded'])
  })
})

describe.concurrent('test cards with faults', () => {
  test('pm_card_silentAfter charges, and answers from the second request on', async () => {
    const payment = newPayment()
    const fields = { payment_method: 'pm_card_silentAfter' }
    await provider.chargeUnanswered(payment, fields)
    expect((await provider.charge(payment, fields)).headers.get('idempotent-replayed')).toBe('true')
    expect(await provider.typesOf(payment)).toEqual(['intent.succeeded', 'reply.withheld'])
  })

  test('pm_card_silentBefore loses the first request under a key and charges the second', async () => {
    const payment = newPayment()
    const fields = { payment_method: 'pm_card_silentBefore' }
    await provider.chargeUnanswered(payment, fields)
    expect((await provider.charge(payment, fields)).status).toBe(200)
    expect(await provider.typesOf(payment)).toEqual(['request.dropped', 'intent.succeeded'])
  })

  test('a slow charge is made although its client leaves', async () => {
    const payment = newPayment()
    await provider.chargeUnanswered(payment, { payment_method: 'pm_card_slow' })
    expect(await provider.typesOf(payment)).toEqual([])
    await waitUntil('the charge is made', async () => {
      return (await provider.typesOf(payment)).includes('intent.succeeded')
    })
  })
})

test('SIGTERM ends the process while an unanswered client and a slow charge are waiting', async () => {
  const stopping = await providers.start('stopping.jsonl')
  const options = { timeoutMs: 10_000 }
  const payment = newPayment()
  const slow = stopping.charge(newPayment(), { payment_method: 'pm_card_slow' }, options)
  const silent = stopping.charge(payment, { payment_method: 'pm_card_silentAfter' }, options)
  const both = Promise.allSettled([silent, slow])
  await waitUntil(
    'one charge is unanswered',
    async () => (await stopping.typesOf(payment)).length === 2,
  )
  expect(await stopping.stop()).toBe(0)
  const [unanswered, refused] = await both
  expect(unanswered.status).toBe('rejected')
  expect(refused).toMatchObject({ value: { status: 503 } })
})
