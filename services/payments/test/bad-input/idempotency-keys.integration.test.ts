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

/** A second key of the employer who pays here. */
async function keyThatOnlyReads(): Promise<string> {
  const { database, system } = attacked
  const tenantId = seedTenants.find(({ name }) => name === 'acme')?.tenantId ?? null
  const wish = { key: makeApiKey(), tenantId, scopes: ['payments:read'] } as const
  expect(await storeApiKey(database, system.secrets.apiKeyPeppers.payments, wish)).toBe('stored')
  return wish.key
}

describe('a key that is none', () => {
  test('#55 missing: 400, and the refusal says how to make one', async () => {
    const answer = await attacked.pay(paymentOf(), keyed(null))
    expectProblem(answer, 400, 'idempotency-key-missing')
    expect(answer.json.detail).toContain('Idempotency-Key')
  })

  test.each([
    ['an empty one', ''],
    ['blanks', '                '],
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
    ['a pattern of Redis', 'payments:key:*?[a]'],
    ['a pattern of LIKE', 'payments-key-%%%%%%'],
    ['a way up', '../../../etc/passwd'],
    ['two in one', `${'a'.repeat(16)}, ${'b'.repeat(16)}`],
    ['a list of one', `${'a'.repeat(16)},`],
  ])('#56 #57 #64 %s: 400', async (_what, key) => {
    const answer = await attacked.pay(paymentOf(), keyed(key))
    expectProblem(answer, 400, 'idempotency-key-invalid')
    expect(answer.body).not.toContain(key.trim() || 'a blank one can not be looked for')
  })

  test('#57 two headers: 400, also when they say the same', async () => {
    const key = newKey()
    const headers = { 'idempotency-key': key, 'Idempotency-Key': key }
    expectProblem(await attacked.pay(paymentOf(), headers), 400, 'idempotency-key-invalid')
  })

  test.each([
    ['a line break', `${newKey()}\r\nx`],
    ['half of one', `${newKey()}\rx`],
    ['a NUL', `${newKey()}\0`],
  ])('#56 %s is not even HTTP: 400', async (_what, key) => {
    expectProblem(await attacked.pay(paymentOf(), keyed(key)), 400, 'malformed-request')
  })
})

describe('a key that is used again', () => {
  test.each(['amountCents', 'listingId', 'publicationId', 'cardToken'])(
    '#58 with another %s: 422, and nothing is changed',
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

  test('#59 with the same fields in another order and other blanks: the same bytes', async () => {
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

  test('#60 while the first is at work: 409, and when to come back', async () => {
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

  test('#61 by a method that changes nothing: it is not looked at', async () => {
    const key = newKey()
    const { json } = await attacked.payHonestly(paymentOf(), keyed(key))
    for (const header of [key, 'no key', '']) {
      const target = `/v1/payments/${json.paymentId}`
      const answer = await attacked.send({ method: 'GET', target, headers: keyed(header) })
      expect([answer.status, answer.json]).toEqual([200, json])
    }
  })

  test('#62 by another tenant: another key, and no sign of ours', async () => {
    const [body, key] = [paymentOf(), newKey()]
    const authorization = `Bearer ${attacked.system.apiKeys.northwind}`
    const ours = await attacked.payHonestly(body, keyed(key))
    const other = paymentOf()
    const theirs = await attacked.payHonestly(other, { ...keyed(key), authorization })
    expect(theirs.json.paymentId).not.toBe(ours.json.paymentId)
    expect(theirs.headers['idempotency-replayed']).toBeUndefined()
  })

  test('who may not pay is told so before the key is looked up, although it has an answer', async () => {
    const [body, key] = [paymentOf(), newKey()]
    await attacked.payHonestly(body, keyed(key))
    const strangers = [
      [makeApiKey(), 401, 'unauthorized'],
      [await keyThatOnlyReads(), 403, 'insufficient-scope'],
    ] as const
    for (const [apiKey, status, slug] of strangers) {
      const headers = { ...keyed(key), authorization: `Bearer ${apiKey}` }
      const answer = await attacked.pay(body, headers)
      expectProblem(answer, status, slug)
      expect(answer.headers['idempotency-replayed']).toBeUndefined()
    }
  })

  test('#63 after a day: one charge per key, however old it is', async () => {
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

  test('#63 when its row is gone: still one charge, and the same payment', async () => {
    const [body, key] = [paymentOf(), newKey()]
    const first = await attacked.payHonestly(body, keyed(key))
    await attacked.database.query('DELETE FROM idempotency_keys WHERE key = $1', [key])
    const again = await attacked.pay(body, keyed(key))
    expect([again.status, again.json]).toEqual([201, first.json])
  })

  test('#64 a key means itself: no part of it joins others or stands for others', async () => {
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
  ])('#65 after a %s: it is as good as new', async (status, refuse) => {
    const key = newKey()
    expect(String((await refuse(key)).status)).toBe(status)
    expect(await rowsOf(key)).toEqual([])
    const answer = await attacked.payHonestly(paymentOf(), keyed(key))
    expect(answer.headers['idempotency-replayed']).toBeUndefined()
  })
})

test('after all of these, only what was meant was charged', () => attacked.expectOnlyWhatWasMeant())

async function rowsOf(key: string): Promise<unknown[]> {
  const { rows } = await attacked.database.query(
    'SELECT key FROM idempotency_keys WHERE key = $1',
    [key],
  )
  return rows
}
