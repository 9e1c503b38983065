import { randomUUID } from 'node:crypto'
import {
  as,
  call,
  chargesFor,
  eventually,
  providerLogOf,
  setProviderFaults,
} from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { newKey, paymentOf } from './payment-of.ts'

let system: TestSystem

beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: ['card-provider', 'payments'] })
})
afterAll(() => system[Symbol.asyncDispose]())
afterEach(() => setProviderFaults(system, { silence: 'none', latencyMs: 0 }))

function pay(body: object, key = newKey(), tenant: 'acme' | 'northwind' = 'acme') {
  return call('POST', `${system.urls.payments}/v1/payments`, {
    headers: as(system, tenant, key),
    body,
  })
}

function read(paymentId: string, tenant: 'acme' | 'northwind' = 'acme') {
  const url = `${system.urls.payments}/v1/payments/${paymentId}`
  return call('GET', url, { headers: as(system, tenant) })
}

function untilFinal(paymentId: string) {
  return eventually('the payment is final', async () => {
    const { json } = await read(paymentId)
    return json.status === 'pending' ? undefined : (json.status as string)
  })
}

describe('one charge per idempotency key', () => {
  test('a repeated request gets the same bytes and is not charged again', async () => {
    const body = paymentOf()
    const key = newKey()
    const first = await pay(body, key)
    const second = await pay(body, key)
    expect(first.status).toBe(201)
    expect(first.json.status).toBe('captured')
    expect(first.headers.get('idempotency-replayed')).toBeNull()
    expect(second.status).toBe(201)
    expect(second.text).toBe(first.text)
    expect(second.headers.get('location')).toBe(first.headers.get('location'))
    expect(second.headers.get('idempotency-replayed')).toBe('true')
    expect(await chargesFor(system, body.publicationId)).toHaveLength(1)
  })

  test('another order of the fields is the same request', async () => {
    const body = paymentOf()
    const key = newKey()
    const first = await pay(body, key)
    const reordered = Object.fromEntries(Object.entries(body).reverse())
    expect((await pay(reordered, key)).text).toBe(first.text)
  })

  test('twenty concurrent attempts charge once, and each gets the final answer or has to wait', async () => {
    // The delay lets some attempts find the first one in progress. Their number depends on the
    // machine.
    await setProviderFaults(system, { latencyMs: 200 })
    const body = paymentOf()
    const key = newKey()
    const answers = await Promise.all(Array.from({ length: 20 }, () => pay(body, key)))
    const final = await eventually('the payment is final', async () => {
      const answer = await pay(body, key)
      return answer.status === 201 ? answer : undefined
    })
    for (const answer of answers) {
      expect([201, 202, 409]).toContain(answer.status)
      if (answer.status === 201) expect(answer.text).toBe(final.text)
      if (answer.status === 409)
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    expect(await chargesFor(system, body.publicationId)).toHaveLength(1)
  })

  test('the same key with another body is refused, and the first answer stays', async () => {
    const body = paymentOf()
    const key = newKey()
    const first = await pay(body, key)
    const other = await pay({ ...body, amountCents: 51 }, key)
    expect(other.status).toBe(422)
    expect(other.json.type).toBe('/problems/idempotency-key-reused')
    expect((await pay(body, key)).text).toBe(first.text)
  })

  test('the same key of another tenant is another key', async () => {
    const body = paymentOf()
    const key = newKey()
    const ours = await pay(body, key, 'acme')
    const theirs = await pay(body, key, 'northwind')
    expect(theirs.status).toBe(201)
    expect(theirs.json.paymentId).not.toBe(ours.json.paymentId)
    expect(theirs.headers.get('idempotency-replayed')).toBeNull()
  })
})

test('omitting a default and sending it are the same request', async () => {
  const body = paymentOf()
  const key = newKey()
  const first = await pay(body, key)
  for (const defaults of [{ taxCents: 0 }, { captureMethod: 'automatic' }]) {
    expect((await pay({ ...body, ...defaults }, key)).text).toBe(first.text)
  }
  expect((await pay({ ...body, taxCents: 1 }, key)).status).toBe(422)
})

describe('a declined card', () => {
  test.each([
    ['pm_card_chargeDeclined', 'card_declined'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'insufficient_funds'],
    ['pm_no_such_card', 'invalid_card'],
  ])('%s gets a 402, which is replayed, and is never charged', async (cardToken, reason) => {
    const body = paymentOf({ cardToken })
    const key = newKey()
    const first = await pay(body, key)
    const second = await pay(body, key)
    expect(first.status).toBe(402)
    expect(first.json.type).toBe('/problems/card-declined')
    expect(second.text).toBe(first.text)
    expect(await chargesFor(system, body.publicationId)).toHaveLength(0)
    const { json } = await read(first.json.paymentId)
    expect(json).toMatchObject({ status: 'declined', declineReason: reason })
  })
})

describe('a payment with an unknown outcome', () => {
  test('is pending and then captured once, if the provider charges without an answer', async () => {
    const body = paymentOf({ cardToken: 'pm_card_silentAfter' })
    const key = newKey()
    const first = await pay(body, key)
    expect(first.status).toBe(202)
    expect(first.json.status).toBe('pending')
    expect(await untilFinal(first.json.paymentId)).toBe('captured')
    const again = await pay(body, key)
    expect(again.status).toBe(201)
    expect(again.json.paymentId).toBe(first.json.paymentId)
    expect(await chargesFor(system, body.publicationId)).toHaveLength(1)
  })

  test('is pending and then captured once, if the request never reaches the provider', async () => {
    const body = paymentOf({ cardToken: 'pm_card_silentBefore' })
    const first = await pay(body)
    expect(first.status).toBe(202)
    expect(await untilFinal(first.json.paymentId)).toBe('captured')
    expect(await chargesFor(system, body.publicationId)).toHaveLength(1)
  })

  test('is finished by a repeated request, without the job', async () => {
    await setProviderFaults(system, { silence: 'after' })
    const body = paymentOf()
    const key = newKey()
    const first = await pay(body, key)
    expect(first.status).toBe(202)
    await setProviderFaults(system, { silence: 'none' })
    const second = await pay(body, key)
    expect([201, 202, 409]).toContain(second.status)
    expect(await untilFinal(first.json.paymentId)).toBe('captured')
    expect(await chargesFor(system, body.publicationId)).toHaveLength(1)
  })

  test('is pending while the provider is down, and then captured once', async () => {
    await system.stop('card-provider')
    const body = paymentOf()
    const first = await pay(body)
    expect(first.status).toBe(202)
    await system.start('card-provider')
    await system.waitReady('card-provider')
    expect(await untilFinal(first.json.paymentId)).toBe('captured')
    expect(await chargesFor(system, body.publicationId)).toHaveLength(1)
  })

  test('is never called declined while the provider is silent', async () => {
    await setProviderFaults(system, { silence: 'before' })
    const body = paymentOf()
    const answer = await pay(body)
    expect(answer.status).toBe(202)
    const { json } = await read(answer.json.paymentId)
    expect(json.status).toBe('pending')
    const types = (await providerLogOf(system, body.publicationId)).map(line => line.type)
    expect(types).toContain('request.dropped')
    await setProviderFaults(system, { silence: 'none' })
    expect(await untilFinal(answer.json.paymentId)).toBe('captured')
  })
})

describe('a process that crashes', () => {
  test.each(['settle.begin:1', 'outbox.committed:1'])(
    'at %s leaves a payment that is charged once and becomes final',
    async crashAt => {
      await system.stop('payments')
      await system.start('payments', { env: { CRASH_AT: crashAt } })
      await system.waitReady('payments')
      const before = (await system.status('payments')).restarts
      const body = paymentOf()
      const key = newKey()
      await expect(pay(body, key)).rejects.toThrow()
      await eventually('the supervisor has restarted it', async () =>
        (await system.status('payments')).restarts > before ? true : undefined,
      )
      await system.stop('payments')
      await system.start('payments', { env: { CRASH_AT: '' } })
      await system.waitReady('payments')
      const answer = await eventually(
        'the key has its answer',
        async () => {
          const one = await pay(body, key)
          return one.status === 201 ? one : undefined
        },
        20_000,
      )
      expect(answer.json.status).toBe('captured')
      expect(await chargesFor(system, body.publicationId)).toHaveLength(1)
    },
  )
})

describe('a bad request', () => {
  test.each([
    ['a field that callers cannot set', { status: 'captured' }],
    ['an amount as text', { amountCents: '9900' }],
    ['an amount as true', { amountCents: true }],
    ['an amount in an array', { amountCents: [9_900] }],
    ['a fraction of a cent', { amountCents: 99.5 }],
    ['an amount of 0', { amountCents: 0 }],
    ['an amount that is too small for the provider', { amountCents: 49 }],
    ['a negative amount', { amountCents: -1 }],
    ['an amount that is too large', { amountCents: 100_000_000 }],
    ['an amount of null', { amountCents: null }],
    ['a currency in lower case', { currency: 'eur' }],
    ['an id in upper case', { listingId: randomUUID().toUpperCase() }],
    ['a card number', { cardToken: '4242424242424242' }],
  ])('with %s gets a 400 that names the field, and charges nothing', async (_what, changes) => {
    const body = paymentOf(changes)
    const answer = await pay(body)
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(answer.json.type).toBe('/problems/validation-error')
    expect(answer.json.errors[0].pointer).toBe(`/${Object.keys(changes)[0]}`)
    expect(await providerLogOf(system, body.publicationId)).toHaveLength(0)
  })

  test.each([
    ['is missing', undefined],
    ['is too short', 'short'],
    ['is too long', 'x'.repeat(65)],
    ['has a space', 'a key with spaces in it'],
    ['is two keys', `${'a'.repeat(16)}, ${'b'.repeat(16)}`],
  ])('with a key that %s gets a 400', async (_what, key) => {
    const answer = await call('POST', `${system.urls.payments}/v1/payments`, {
      headers: as(system, 'acme', key),
      body: paymentOf(),
    })
    expect(answer.status).toBe(400)
  })

  test.each([
    ['no API key', {}],
    ['a malformed API key', { authorization: 'Bearer nonsense' }],
    ['an unknown API key', { authorization: `Bearer ns_test_00000000_${'A'.repeat(43)}` }],
  ])('with %s gets a 401, even if its body is wrong too', async (_what, headers) => {
    const answer = await call('POST', `${system.urls.payments}/v1/payments`, { headers, body: {} })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toContain('Bearer')
  })

  test("for another tenant's payment is answered like one for an unknown payment", async () => {
    const mine = await pay(paymentOf())
    const theirs = await read(mine.json.paymentId, 'northwind')
    const unknown = await read(randomUUID(), 'northwind')
    expect(theirs.status).toBe(404)
    expect({ ...theirs.json, instance: '' }).toEqual({ ...unknown.json, instance: '' })
  })
})

test('the log contains no card token and no key', async () => {
  await pay(paymentOf())
  const logs = await system.logs('payments')
  expect(logs).toContain('"event":"http.request"')
  expect(logs).not.toMatch(/pm_card_|ns_test_|sk_test_/)
})
