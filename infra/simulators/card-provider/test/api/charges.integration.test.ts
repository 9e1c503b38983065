import { appendFile, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../../../wait-until.ts'
import type { Provider, Providers } from '../provider.ts'
import { answerOf, openProviders, patienceMs, secretKey, unique } from '../provider.ts'

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

describe('charging', () => {
  test('a good card is charged at once, and the charge can be read back', async () => {
    const payment = unique()
    const { status, headers, body } = await provider.charge(payment)
    expect(status).toBe(200)
    expect(headers.get('request-id')).toMatch(/^req_/)
    expect(body).toMatchObject({ status: 'succeeded', amount_received: 9900, currency: 'eur' })
    expect(body.metadata).toEqual({ payment_id: payment })

    expect((await provider.get(`/v1/payment_intents/${body.id}`)).body).toEqual(body)
    const list = await provider.get(`/v1/payment_intents?metadata[payment_id]=${payment}`)
    expect(list.body).toMatchObject({ object: 'list', data: [body], has_more: false })
  })

  test('a declined card is a 402 that carries the intent, and nothing was received', async () => {
    const payment = unique()
    const fields = { payment_method: 'pm_card_chargeDeclinedInsufficientFunds' }
    const { status, body } = await provider.charge(payment, fields)
    expect(status).toBe(402)
    expect(body.error).toMatchObject({
      type: 'card_error',
      code: 'card_declined',
      decline_code: 'insufficient_funds',
      payment_intent: { status: 'requires_payment_method', amount_received: 0 },
    })
    expect(await provider.providerLogOf(payment)).toEqual(['intent.declined'])
  })

  test('the decline setting declines good cards', async () => {
    await provider.turn({ declineRate: 1 })
    const { body } = await provider.charge(unique())
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
  ])('%o is refused by name, and its key stays free', async (fields, param) => {
    const payment = unique()
    const refused = await provider.charge(payment, fields as Record<string, string>)
    expect(refused.status).toBe(400)
    expect(refused.body.error).toMatchObject({ type: 'invalid_request_error', param })
    expect((await provider.charge(payment)).status).toBe(200)
  })

  test('the fields that older clients send are understood', async () => {
    const fields = { 'payment_method_types[]': 'card', 'expand[]': 'latest_charge' }
    const { body } = await provider.charge(unique(), fields)
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
  ])('%s is refused by name', async (path, param) => {
    const { status, body } = await provider.get(`/v1${path}`)
    expect(status).toBe(400)
    expect(body.error).toMatchObject({ type: 'invalid_request_error', param })
  })

  test('the name of the scheme is of any case', async () => {
    // RFC 9110, 11.1.
    const headers = { authorization: `bearer  ${secretKey}` }
    const { status } = await answerOf(fetch(`${provider.url}/v1/refunds`, { headers }))
    expect(status).toBe(200)
  })

  test('without the secret key nothing is read or charged', async () => {
    const url = `${provider.url}/v1/payment_intents`
    for (const authorization of ['', 'Bearer sk_wrong', secretKey, `Basic ${secretKey}`]) {
      const { status, body } = await answerOf(
        fetch(url, { method: 'POST', headers: { authorization } }),
      )
      expect(status).toBe(401)
      expect(body.error.type).toBe('invalid_request_error')
    }
  })

  test('a body above the limit is refused', async () => {
    const { status } = await provider.charge(unique(), { 'metadata[note]': 'x'.repeat(17 * 1024) })
    expect(status).toBe(413)
  })
})

describe('idempotency keys', () => {
  test('the same request again gets the same answer, and the card is charged a single time', async () => {
    for (const payment_method of ['pm_card_visa', 'pm_card_chargeDeclined']) {
      const payment = unique()
      const first = await provider.charge(payment, { payment_method })
      const again = await provider.charge(payment, { payment_method })
      expect(again.status).toBe(first.status)
      expect(again.body).toEqual(first.body)
      expect(first.headers.get('idempotent-replayed')).toBeNull()
      expect(again.headers.get('idempotent-replayed')).toBe('true')
      expect(await provider.providerLogOf(payment)).toHaveLength(1)
    }
  })

  test('a key used for another request is refused', async () => {
    const payment = unique()
    await provider.charge(payment)
    const { status, body } = await provider.charge(payment, { amount: '9901' })
    expect(status).toBe(400)
    expect(body.error.type).toBe('idempotency_error')
    expect(await provider.providerLogOf(payment)).toEqual(['intent.succeeded'])
  })

  test('while the first request runs, the key is in use', async () => {
    await provider.turn({ latencyMs: 200 })
    const payment = unique()
    const answers = await Promise.all([
      provider.charge(payment),
      provider.charge(payment),
      provider.charge(payment),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409])
    const refused = answers.find(({ status }) => status === 409)
    expect(refused?.body.error.code).toBe('idempotency_key_in_use')
    expect(await provider.providerLogOf(payment)).toEqual(['intent.succeeded'])
  })

  test('two hundred at once on one key are charged a single time', async () => {
    const payment = unique()
    const answers = await Promise.all(Array.from({ length: 200 }, () => provider.charge(payment)))
    const ids = new Set(answers.flatMap(({ status, body }) => (status === 200 ? [body.id] : [])))
    expect(ids.size).toBe(1)
    expect(await provider.providerLogOf(payment)).toEqual(['intent.succeeded'])
  })

  test('without a key every request is a new charge', async () => {
    const payment = unique()
    await provider.charge(payment, {}, { key: '' })
    await provider.charge(payment, {}, { key: '' })
    expect(await provider.providerLogOf(payment)).toEqual(['intent.succeeded', 'intent.succeeded'])
  })

  test('after its window a key is worth nothing, and the card is charged again', async () => {
    const providerLog = providers.file('old.jsonl')
    const payment = unique()
    const twoMinutesAgo = new Date(Date.now() - 120_000).toISOString()
    const line = {
      ...{ at: twoMinutesAgo, seq: 1, type: 'intent.succeeded', amount: 9900, currency: 'eur' },
      ...{
        metadata: { payment_id: payment },
        idempotencyKey: `key-${payment}`,
        requestId: 'req_1',
      },
      ...{ paymentMethod: 'visa', intentId: 'pi_1', fingerprint: 'of another request' },
    }
    await appendFile(providerLog, `${JSON.stringify(line)}\n`)
    const old = await providers.start('old.jsonl')
    expect((await old.charge(payment)).body.error.type).toBe('idempotency_error')
    await old.turn({ keyWindowSeconds: 60 })
    expect((await old.charge(payment)).status).toBe(200)
    expect(await old.providerLogOf(payment)).toEqual(['intent.succeeded', 'intent.succeeded'])
    await old.stop()
  })
})

describe('silence', () => {
  test('a reply can be lost after the charge: the retry learns what happened', async () => {
    await provider.turn({ silence: 'after' })
    const payment = unique()
    await provider.chargeInSilence(payment)
    await provider.chargeInSilence(payment)
    await provider.turn({ silence: 'none' })
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

  test('a request can be lost before the charge: its key stays free, even for another request', async () => {
    await provider.turn({ silence: 'before' })
    const payment = unique()
    await provider.chargeInSilence(payment)
    await provider.turn({ silence: 'none' })
    const { status, headers } = await provider.charge(payment, { amount: '500' })
    expect([status, headers.get('idempotent-replayed')]).toEqual([200, null])
    expect(await provider.providerLogOf(payment)).toEqual(['request.dropped', 'intent.succeeded'])
  })
})

describe.concurrent('cards with a will of their own', () => {
  test('pm_card_silentAfter charges and says so from the second request on', async () => {
    const payment = unique()
    const fields = { payment_method: 'pm_card_silentAfter' }
    await provider.chargeInSilence(payment, fields)
    expect((await provider.charge(payment, fields)).headers.get('idempotent-replayed')).toBe('true')
    expect(await provider.providerLogOf(payment)).toEqual(['intent.succeeded', 'reply.withheld'])
  })

  test('pm_card_silentBefore loses the first request under a key and charges the second', async () => {
    const payment = unique()
    const fields = { payment_method: 'pm_card_silentBefore' }
    await provider.chargeInSilence(payment, fields)
    expect((await provider.charge(payment, fields)).status).toBe(200)
    expect(await provider.providerLogOf(payment)).toEqual(['request.dropped', 'intent.succeeded'])
  })

  test('a client that leaves a slow charge is charged all the same', async () => {
    const payment = unique()
    await provider.chargeInSilence(payment, { payment_method: 'pm_card_slow' })
    expect(await provider.providerLogOf(payment)).toEqual([])
    await waitUntil('the charge is made', async () => {
      return (await provider.providerLogOf(payment)).includes('intent.succeeded')
    })
  })
})

describe('settings', () => {
  test.each([
    [{ latncyMs: 5 }, 'latncyMs'],
    [{ latencyMs: -1 }, 'latencyMs'],
    [{ latencyMs: '5' }, 'latencyMs'],
    [{ declineRate: 1.1 }, 'declineRate'],
    [{ silence: 'sometimes' }, 'silence'],
    [{ silenceRate: null }, 'silenceRate'],
    [{ keyWindowSeconds: 0 }, 'keyWindowSeconds'],
  ])('%o is refused by name and changes nothing', async (settings, name) => {
    const before = await provider.get('/settings')
    const { status, body } = await provider.turn({ ...settings, seed: 99 })
    expect(status).toBe(400)
    expect(body.error.param).toBe(name)
    expect(body.error.message).toContain(name)
    expect((await provider.get('/settings')).body).toEqual(before.body)
  })

  test('the same seed declines the same charges', async () => {
    async function tenCharges(): Promise<number[]> {
      await provider.turn({ seed: 7, declineRate: 0.5 })
      const statuses: number[] = []
      for (let n = 0; n < 10; n++) statuses.push((await provider.charge(unique())).status)
      return statuses
    }
    const first = await tenCharges()
    expect(first).toEqual(expect.arrayContaining([200, 402]))
    expect(await tenCharges()).toEqual(first)
  })
})

describe('the provider log', () => {
  test('is read in pages that join without a gap', async () => {
    await Promise.all(Array.from({ length: 25 }, () => provider.charge(unique())))
    const seqs: number[] = []
    let page = { nextAfter: 0, hasMore: true }
    while (page.hasMore) {
      const { body } = await provider.get(`/log?after=${page.nextAfter}&limit=7`)
      expect(body.lines.length).toBeLessThanOrEqual(7)
      seqs.push(...body.lines.map((line: { seq: number }) => line.seq))
      page = body
    }
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
  })

  test('cannot be written or removed from outside, and never holds what was typed as a card', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      expect((await fetch(`${provider.url}/log`, { method })).status).toBe(404)
    }
    await provider.charge(unique())
    expect(await readFile(providers.file('provider.jsonl'), 'utf8')).not.toContain('pm_card')
    expect(provider.output()).not.toContain('pm_card')
  })

  test('is all that survives kill -9: charges and keys are as they were, the settings at rest', async () => {
    const providerLog = providers.file('killed.jsonl')
    const before = await providers.start('killed.jsonl')
    const [paid, silent] = [unique(), unique()]
    const first = await before.charge(paid)
    const fields = { payment_method: 'pm_card_silentBefore' }
    const lost = before.charge(silent, fields, { timeoutMs: patienceMs })
    await expect(lost).rejects.toThrow('timeout')
    await before.turn({ silence: 'before' })
    await before.kill()
    await appendFile(providerLog, '{"at":"2026-01-01T00:00:00.000Z","seq":4,"type":"intent.succ')

    const after = await providers.start('killed.jsonl')
    const again = await after.charge(paid)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(again.body).toEqual(first.body)
    expect((await after.charge(paid, { amount: '1' })).status).toBe(400)
    expect((await after.get(`/v1/payment_intents/${first.body.id}`)).body).toEqual(first.body)
    expect((await after.charge(silent, fields)).status).toBe(200)
    expect(await after.providerLogOf(silent)).toEqual(['request.dropped', 'intent.succeeded'])

    expect(await after.stop()).toBe(0)
    const text = (await readFile(providerLog, 'utf8')).trimEnd()
    const lines = text.split('\n').map(line => JSON.parse(line))
    expect(lines.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
    expect(lines[3]).toMatchObject({ type: 'settings.changed', cause: 'restart' })
    expect(lines[3].settings.silence).toBe('none')
  })

  test('that was damaged in the middle stops the start', async () => {
    const providerLog = providers.file('damaged.jsonl')
    await appendFile(providerLog, '{"seq":1,"type":\n{"seq":2}\n')
    await expect(providers.start('damaged.jsonl')).rejects.toThrow('line 1 is not JSON')
  })
})

test('SIGTERM ends it although a silent caller and a slow charge are waiting', async () => {
  const stopping = await providers.start('stopping.jsonl')
  const options = { timeoutMs: 10_000 }
  const payment = unique()
  const slow = stopping.charge(unique(), { payment_method: 'pm_card_slow' }, options)
  const silent = stopping.charge(payment, { payment_method: 'pm_card_silentAfter' }, options)
  const both = Promise.allSettled([silent, slow])
  await waitUntil('the silence', async () => (await stopping.providerLogOf(payment)).length === 2)
  expect(await stopping.stop()).toBe(0)
  const [lost, given] = await both
  expect(lost.status).toBe('rejected')
  expect(given).toMatchObject({ value: { status: 503 } })
})
