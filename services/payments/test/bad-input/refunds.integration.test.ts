import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { newKey, paymentOf } from '../payment-of.ts'
import {
  type AttackedPayments,
  expectProblem,
  openAttackedPayments,
  type RawRequest,
} from './attacked-payments.ts'

let attacked: AttackedPayments
/** A payment that is never refunded completely. */
let paymentId: string

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
  paymentId = (await attacked.payHonestly()).json.paymentId
})
afterAll(() => attacked[Symbol.asyncDispose]())

const reason = 'duplicate'
const refundsOf = (id: string) => `/v1/payments/${id}/refunds`
const refund = (body: object, headers: RawRequest['headers'] = {}, id = paymentId) =>
  attacked.send({ target: refundsOf(id), headers, body: JSON.stringify(body) })
const northwind = () => ({ authorization: `Bearer ${attacked.system.apiKeys.northwind}` })

describe('a malformed refund', () => {
  test.each([
    '0',
    '-1',
    '-0',
    '0.5',
    '99.99',
    '"100"',
    'true',
    '[100]',
    '{"value":100}',
    'null',
    '100000000',
    '1e21',
  ])('with an amount of %s is refused', async amount => {
    const body = `{"reason":"duplicate","amountCents":${amount}}`
    const answer = await attacked.send({ target: refundsOf(paymentId), body })
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe('/amountCents')
  })

  test.each(['9007199254740993', '1e400', '1,"amountCents":100'])(
    'with an ambiguous amount of %s is refused',
    async amount => {
      const body = `{"reason":"duplicate","amountCents":${amount}}`
      const answer = await attacked.send({ target: refundsOf(paymentId), body })
      expectProblem(answer, 400, 'ambiguous-json')
    },
  )

  test.each([undefined, null, '', 'Duplicate', 'fraudulent', 5, ['duplicate'], "x' OR '1'='1"])(
    'with a reason of %j is refused',
    async otherReason => {
      const answer = await refund({ reason: otherReason })
      expectProblem(answer, 400, 'validation-error')
      expect(answer.json.errors[0].pointer).toBe('/reason')
    },
  )

  test.each([
    'paymentId',
    'refundId',
    'tenantId',
    'status',
    'currency',
    'taxCents',
    'amount',
    'providerRefundId',
    'amountcents',
    'metadata',
    'toString',
    '',
  ])('with an unknown field %j is refused', async name => {
    const answer = await refund({ reason, [name]: randomUUID() })
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe(`/${name}`)
  })

  test.each([
    ['no characters', '', 400, 'malformed-json'],
    ['truncated JSON', '{"reason":"dup', 400, 'malformed-json'],
    ['__proto__', '{"reason":"duplicate","__proto__":{}}', 400, 'malformed-json'],
    ['null', 'null', 400, 'validation-error'],
    ['a list', '[{"reason":"duplicate"}]', 400, 'validation-error'],
    ['half of a surrogate pair', '{"reason":"\\ud800"}', 400, 'invalid-encoding'],
    ['bytes that are not UTF-8', Buffer.from('{"reason":"é"}', 'latin1'), 400, 'invalid-encoding'],
    ['20 KB', JSON.stringify({ reason: 'x'.repeat(20_480) }), 413, 'payload-too-large'],
  ])('with a body of %s is refused', async (_what, body, status, slug) => {
    expectProblem(await attacked.send({ target: refundsOf(paymentId), body }), status, slug)
  })

  test.each<[string, RawRequest['headers'], number, string]>([
    ['no media type', { 'content-type': null }, 415, 'unsupported-media-type'],
    ['text/plain', { 'content-type': 'text/plain' }, 415, 'unsupported-media-type'],
    ['a content coding', { 'content-encoding': 'gzip' }, 415, 'unsupported-media-type'],
    ['no key', { 'idempotency-key': null }, 400, 'idempotency-key-missing'],
    ['a short key', { 'idempotency-key': 'x'.repeat(15) }, 400, 'idempotency-key-invalid'],
    ['no API key', { authorization: null }, 401, 'unauthorized'],
    ['a wrong API key', { authorization: 'Bearer ns_test_x' }, 401, 'unauthorized'],
  ])('with %s is refused', async (_what, headers, status, slug) => {
    expectProblem(await refund({ reason }, headers), status, slug)
  })
})

describe('a refund of a payment that the caller cannot refund', () => {
  test.each([
    'pay_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    'A0000000-0000-4000-8000-000000000000',
    '00000000000000000000000000000000',
    '1%27%20OR%20%271%27=%271',
    '%00',
    '..%2f..%2fetc%2fpasswd',
    'a'.repeat(500),
    '-1',
  ])('with the malformed id %.40s is answered like one of an unknown payment', async id => {
    for (const each of [id, randomUUID()]) {
      expectProblem(await refund({ reason }, {}, each), 404, 'not-found')
      const list = await attacked.send({ method: 'GET', target: refundsOf(each) })
      expectProblem(list, 404, 'not-found')
    }
  })

  test('that belongs to another tenant is answered like one of an unknown payment', async () => {
    const [foreign, unknown] = [
      await refund({ reason }, northwind()),
      await refund({ reason }, northwind(), randomUUID()),
    ]
    expectProblem(foreign, 404, 'not-found')
    expect({ ...foreign.json, instance: '' }).toEqual({ ...unknown.json, instance: '' })
    const target = refundsOf(paymentId)
    const list = await attacked.send({ method: 'GET', target, headers: northwind() })
    expectProblem(list, 404, 'not-found')
  })

  test('because it is only authorized is refused', async () => {
    const { json } = await attacked.authorizeHonestly()
    const answer = await refund({ reason }, {}, json.paymentId)
    expectProblem(answer, 409, 'payment-not-captured')
  })
})

describe('refunds of more than the payment', () => {
  test.each([9_901, 99_999_999])(
    'such as %i cents of 9900 are refused, and the payment stays whole',
    async amount => {
      const { json } = await attacked.payHonestly()
      const answer = await refund({ reason, amountCents: amount }, {}, json.paymentId)
      expectProblem(answer, 422, 'refund-too-large')
      const whole = await attacked.refundHonestly(json.paymentId)
      expect(whole.json.amountCents).toBe(9_900)
    },
  )

  test('are refused from the first cent above the rest on', async () => {
    const { json } = await attacked.payHonestly()
    await attacked.refundHonestly(json.paymentId, { reason, amountCents: 9_899 })
    const more = await refund({ reason, amountCents: 2 }, {}, json.paymentId)
    expectProblem(more, 422, 'refund-too-large')
    await attacked.refundHonestly(json.paymentId, { reason, amountCents: 1 })
    for (const body of [{ reason }, { reason, amountCents: 1 }]) {
      expectProblem(await refund(body, {}, json.paymentId), 422, 'refund-too-large')
    }
  })

  test('are refused even if ten are concurrent: one is made', async () => {
    const { json } = await attacked.payHonestly()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => refund({ reason }, {}, json.paymentId)),
    )
    const [made, ...others] = answers.toSorted((a, b) => a.status - b.status)
    expect([made?.status, made?.json.amountCents]).toEqual([201, 9_900])
    attacked.intended.refunded.push(made?.json.refundId)
    for (const answer of others) expectProblem(answer, 422, 'refund-too-large')
  })
})

describe('a repeated key', () => {
  const keyed = () => ({ 'idempotency-key': newKey() })

  test('for the same refund gets the same bytes, and the refund is made once', async () => {
    const key = keyed()
    const first = await attacked.refundHonestly(paymentId, { reason, amountCents: 1 }, key)
    const again = await attacked.send({
      target: refundsOf(paymentId),
      headers: key,
      body: '{ "amountCents": 1.0, "reason": "duplicate" }',
    })
    expect([again.status, again.body]).toEqual([201, first.body])
    expect(again.headers['idempotency-replayed']).toBe('true')
  })

  test('for another amount, reason or payment is refused', async () => {
    const key = keyed()
    await attacked.refundHonestly(paymentId, { reason, amountCents: 1 }, key)
    const other = (await attacked.payHonestly()).json.paymentId
    const refusals = [
      await refund({ reason, amountCents: 2 }, key),
      await refund({ reason }, key),
      await refund({ reason: 'withdrawn', amountCents: 1 }, key),
      await refund({ reason, amountCents: 1 }, key, other),
    ]
    for (const answer of refusals) expectProblem(answer, 422, 'idempotency-key-reused')
  })

  test('at another route is another key', async () => {
    const key = keyed()
    const { json } = await attacked.payHonestly(paymentOf(), key)
    const made = await attacked.refundHonestly(json.paymentId, { reason }, key)
    expect(made.headers['idempotency-replayed']).toBeUndefined()
  })

  test('of another tenant is another key', async () => {
    const key = keyed()
    const theirs = await attacked.payHonestly(paymentOf(), northwind())
    await attacked.refundHonestly(paymentId, { reason, amountCents: 1 }, key)
    const body = { reason, amountCents: 1 }
    const made = await attacked.refundHonestly(theirs.json.paymentId, body, {
      ...key,
      ...northwind(),
    })
    expect(made.headers['idempotency-replayed']).toBeUndefined()
  })

  test.each([
    ['422', { reason, amountCents: 99_999_999 }],
    ['400', { reason, amountCents: 0 }],
  ])('after a refusal with %s is unused', async (status, refused) => {
    const key = keyed()
    expect(String((await refund(refused, key)).status)).toBe(status)
    const made = await attacked.refundHonestly(paymentId, { reason, amountCents: 1 }, key)
    expect(made.headers['idempotency-replayed']).toBeUndefined()
  })
})

test('in the end, only intended payments were charged and refunded', () =>
  attacked.expectOnlyIntendedEffects())
