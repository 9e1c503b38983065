import { randomUUID } from 'node:crypto'
import { setProviderFaults } from '@nightshift/load-tests/harness/test-client'
import { seedTenants } from '@nightshift/local/seed/seed-data'
import { storeApiKey } from '@nightshift/local/seed/store-api-key'
import { makeApiKey } from '@nightshift/runtime/http/api-keys'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { newKey, paymentOf } from '../payment-of.ts'
import { type AttackedPayments, expectProblem, openAttackedPayments } from './attacked-payments.ts'

let attacked: AttackedPayments

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
})
afterAll(() => attacked[Symbol.asyncDispose]())
afterEach(() => setProviderFaults(attacked.system, { latencyMs: 0 }))

const keyed = (key: string | null) => ({ 'idempotency-key': key })

/** A second API key of the same employer, with the scope to read only. */
async function issueReadOnlyKey(): Promise<string> {
  const { database, system } = attacked
  const tenantId = seedTenants.find(({ name }) => name === 'acme')?.tenantId ?? null
  const apiKey = { key: makeApiKey(), tenantId, scopes: ['payments:read'] } as const
  expect(await storeApiKey(database, system.secrets.apiKeyPeppers.payments, apiKey)).toBe('stored')
  return apiKey.key
}

describe('an invalid key', () => {
  test('that is missing is refused with a hint at the header', async () => {
    const answer = await attacked.pay(paymentOf(), keyed(null))
    expectProblem(answer, 400, 'idempotency-key-missing')
    expect(answer.json.detail).toContain('Idempotency-Key')
  })

  test.each([
    ['no characters', ''],
    ['only spaces', '                '],
    ['15 characters', 'x'.repeat(15)],
    ['65 characters', 'x'.repeat(65)],
    ['10 KB', 'x'.repeat(10_240)],
    ['spaces', 'a key with spaces'],
    ['a tab', `${'x'.repeat(16)}\ty`],
    ['Latin-1', 'é'.repeat(20)],
    ['an emoji', Buffer.from(`${'x'.repeat(16)}🙂`).toString('latin1')],
    ['quotes', `"${'x'.repeat(20)}"`],
    ['an unbalanced quote', `"${'x'.repeat(20)}`],
    ['SQL', "x'; DROP TABLE payments; --"],
    ['a Redis pattern', 'payments:key:*?[a]'],
    ['a LIKE pattern', 'payments-key-%%%%%%'],
    ['a relative path', '../../../etc/passwd'],
    ['two keys', `${'a'.repeat(16)}, ${'b'.repeat(16)}`],
    ['a trailing comma', `${'a'.repeat(16)},`],
  ])('of %s is refused and not echoed', async (_what, key) => {
    const answer = await attacked.pay(paymentOf(), keyed(key))
    expectProblem(answer, 400, 'idempotency-key-invalid')
    expect(answer.body).not.toContain(key.trim() || 'an empty key cannot be echoed')
  })

  test('in two headers is refused, even if both are equal', async () => {
    const key = newKey()
    const headers = { 'idempotency-key': key, 'Idempotency-Key': key }
    expectProblem(await attacked.pay(paymentOf(), headers), 400, 'idempotency-key-invalid')
  })

  test.each([
    ['a line break', `${newKey()}\r\nx`],
    ['a carriage return', `${newKey()}\rx`],
    ['a NUL', `${newKey()}\0`],
  ])('with %s is not valid HTTP and is refused', async (_what, key) => {
    expectProblem(await attacked.pay(paymentOf(), keyed(key)), 400, 'malformed-request')
  })
})

describe('a repeated key', () => {
  test.each(['amountCents', 'listingId', 'publicationId', 'cardToken'])(
    'with another %s is refused, and the first answer stays',
    async field => {
      const [body, key] = [paymentOf(), newKey()]
      const first = await attacked.payHonestly(body, keyed(key))
      const other = { ...paymentOf(), amountCents: 51, cardToken: 'pm_card_slow' }
      const changed = { ...body, [field]: other[field as keyof typeof other] }
      const refusal = await attacked.pay(changed, keyed(key))
      expectProblem(refusal, 422, 'idempotency-key-reused')
      expect((await attacked.pay(body, keyed(key))).body).toBe(first.body)
    },
  )

  test('with the fields in another order and format gets the same bytes', async () => {
    const [body, key] = [paymentOf(), newKey()]
    const first = await attacked.payHonestly(body, keyed(key))
    const text = JSON.stringify(Object.fromEntries(Object.entries(body).reverse()), null, '\t')
    const again = await attacked.send({
      headers: keyed(key),
      body: text.replace('9900', '99.00e2'),
    })
    expect([again.status, again.body]).toEqual([201, first.body])
    expect(again.headers['idempotency-replayed']).toBe('true')
  })

  test('while the first request is in progress gets a 409 with Retry-After', async () => {
    await setProviderFaults(attacked.system, { latencyMs: 1_000 })
    const [body, key] = [paymentOf(), newKey()]
    const first = attacked.payHonestly(body, keyed(key))
    await expect
      .poll(async () => (await rowsOf(key)).length, { timeout: 5_000, interval: 5 })
      .toBe(1)
    const second = await attacked.pay(body, keyed(key))
    expectProblem(second, 409, 'request-in-progress')
    expect(Number(second.headers['retry-after'])).toBeGreaterThan(0)
    const other = await attacked.pay({ ...body, amountCents: 51 }, keyed(key))
    expectProblem(other, 422, 'idempotency-key-reused')
    await first
  })

  test('of a GET request is ignored', async () => {
    const key = newKey()
    const { json } = await attacked.payHonestly(paymentOf(), keyed(key))
    for (const header of [key, 'no key', '']) {
      const target = `/v1/payments/${json.paymentId}`
      const answer = await attacked.send({ method: 'GET', target, headers: keyed(header) })
      expect([answer.status, answer.json]).toEqual([200, json])
    }
  })

  test('of another tenant is another key', async () => {
    const [body, key] = [paymentOf(), newKey()]
    const authorization = `Bearer ${attacked.system.apiKeys.northwind}`
    const ours = await attacked.payHonestly(body, keyed(key))
    const other = paymentOf()
    const theirs = await attacked.payHonestly(other, { ...keyed(key), authorization })
    expect(theirs.json.paymentId).not.toBe(ours.json.paymentId)
    expect(theirs.headers['idempotency-replayed']).toBeUndefined()
  })

  test('of a caller who may not pay is not looked up, although it has an answer', async () => {
    const [body, key] = [paymentOf(), newKey()]
    await attacked.payHonestly(body, keyed(key))
    const strangers = [
      [makeApiKey(), 401, 'unauthorized'],
      [await issueReadOnlyKey(), 403, 'insufficient-scope'],
    ] as const
    for (const [apiKey, status, slug] of strangers) {
      const headers = { ...keyed(key), authorization: `Bearer ${apiKey}` }
      const answer = await attacked.pay(body, headers)
      expectProblem(answer, status, slug)
      expect(answer.headers['idempotency-replayed']).toBeUndefined()
    }
  })

  test('is still charged once after a day', async () => {
    const [body, key] = [paymentOf(), newKey()]
    const first = await attacked.payHonestly(body, keyed(key))
    await attacked.database.query(
      `UPDATE idempotency_keys SET created_at = created_at - interval '25 hours',
         leased_until = leased_until - interval '25 hours' WHERE key = $1`,
      [key],
    )
    const again = await attacked.pay(body, keyed(key))
    expect([again.status, again.body]).toEqual([201, first.body])
  })

  test('is still charged once after its row was deleted', async () => {
    const [body, key] = [paymentOf(), newKey()]
    const first = await attacked.payHonestly(body, keyed(key))
    await attacked.database.query('DELETE FROM idempotency_keys WHERE key = $1', [key])
    const again = await attacked.pay(body, keyed(key))
    expect([again.status, again.json]).toEqual([201, first.json])
  })

  test('is another key if one character differs', async () => {
    const stem = `a:b.c_d-${randomUUID()}`
    for (const key of [`${stem}_`, `${stem}x`, `${stem}X`, `${stem}:`, `:${stem}`]) {
      const answer = await attacked.payHonestly(paymentOf(), keyed(key))
      expect(answer.headers['idempotency-replayed']).toBeUndefined()
    }
  })

  test.each<[string, (key: string) => Promise<{ status: number }>]>([
    ['401', key => attacked.pay(paymentOf(), { ...keyed(key), authorization: 'Bearer x' })],
    ['400', key => attacked.pay(paymentOf({ amountCents: 0 }), keyed(key))],
    ['415', key => attacked.pay(paymentOf(), { ...keyed(key), 'content-type': 'text/plain' })],
    ['413', key => attacked.pay(paymentOf({ cardToken: 'x'.repeat(20_000) }), keyed(key))],
  ])('after a refusal with %s is unused', async (status, refuse) => {
    const key = newKey()
    expect(String((await refuse(key)).status)).toBe(status)
    expect(await rowsOf(key)).toEqual([])
    const answer = await attacked.payHonestly(paymentOf(), keyed(key))
    expect(answer.headers['idempotency-replayed']).toBeUndefined()
  })
})

test('in the end, only intended payments were charged', () => attacked.expectOnlyIntendedEffects())

async function rowsOf(key: string): Promise<unknown[]> {
  const { rows } = await attacked.database.query(
    'SELECT key FROM idempotency_keys WHERE key = $1',
    [key],
  )
  return rows
}
