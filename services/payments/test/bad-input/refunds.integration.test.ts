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
/** A payment of which there is always something left to give back. */
let paymentId: string

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
  paymentId = (await attacked.payHonestly()).json.paymentId
})
afterAll(() => attacked[Symbol.asyncDispose]())

const reason = 'duplicate'
const refundsOf = (id: string) => `/v1/payments/${id}/refunds`
const ask = (body: object, headers: RawRequest['headers'] = {}, id = paymentId) =>
  attacked.send({ target: refundsOf(id), headers, body: JSON.stringify(body) })
const northwind = () => ({ authorization: `Bearer ${attacked.system.apiKeys.northwind}` })

describe('a refund that says something else than a refund', () => {
  test.each([
    [41, '0'],
    [41, '-1'],
    [41, '-0'],
    [41, '0.5'],
    [41, '99.99'],
    [42, '"100"'],
    [43, 'true'],
    [44, '[100]'],
    [44, '{"value":100}'],
    [45, 'null'],
    [46, '100000000'],
    [46, '1e21'],
  ])('#%i an amount of %s: 400', async (_number, amount) => {
    const body = `{"reason":"duplicate","amountCents":${amount}}`
    const answer = await attacked.send({ target: refundsOf(paymentId), body })
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe('/amountCents')
  })

  test.each(['9007199254740993', '1e400', '1,"amountCents":100'])(
    'an amount of %s can be read in two ways: 400',
    async amount => {
      const body = `{"reason":"duplicate","amountCents":${amount}}`
      const answer = await attacked.send({ target: refundsOf(paymentId), body })
      expectProblem(answer, 400, 'ambiguous-json')
    },
  )

  test.each([undefined, null, '', 'Duplicate', 'fraudulent', 5, ['duplicate'], "x' OR '1'='1"])(
    'a reason of %j: 400',
    async given => {
      const answer = await ask({ reason: given })
      expectProblem(answer, 400, 'validation-error')
      expect(answer.json.errors[0].pointer).toBe('/reason')
    },
  )

  test.each([
    ...['paymentId', 'refundId', 'tenantId', 'status', 'currency', 'taxCents', 'amount'],
    ...['providerRefundId', 'amountcents', 'metadata', 'toString', ''],
  ])('#35 a field %j: 400', async name => {
    const answer = await ask({ reason, [name]: randomUUID() })
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe(`/${name}`)
  })

  test.each([
    ['nothing', '', 400, 'malformed-json'],
    ['half of it', '{"reason":"dup', 400, 'malformed-json'],
    ['__proto__', '{"reason":"duplicate","__proto__":{}}', 400, 'malformed-json'],
    ['null', 'null', 400, 'validation-error'],
    ['a list', '[{"reason":"duplicate"}]', 400, 'validation-error'],
    ['half of a pair', '{"reason":"\\ud800"}', 400, 'invalid-encoding'],
    ['bytes that are not UTF-8', Buffer.from('{"reason":"é"}', 'latin1'), 400, 'invalid-encoding'],
    ['20 KB', JSON.stringify({ reason: 'x'.repeat(20_480) }), 413, 'payload-too-large'],
  ])('a body of %s: %i', async (_what, body, status, slug) => {
    expectProblem(await attacked.send({ target: refundsOf(paymentId), body }), status, slug)
  })

  test.each<[string, RawRequest['headers'], number, string]>([
    ['no type', { 'content-type': null }, 415, 'unsupported-media-type'],
    ['text/plain', { 'content-type': 'text/plain' }, 415, 'unsupported-media-type'],
    ['a content coding', { 'content-encoding': 'gzip' }, 415, 'unsupported-media-type'],
    ['no key', { 'idempotency-key': null }, 400, 'idempotency-key-missing'],
    ['a short key', { 'idempotency-key': 'x'.repeat(15) }, 400, 'idempotency-key-invalid'],
    ['no API key', { authorization: null }, 401, 'unauthorized'],
    ['a wrong API key', { authorization: 'Bearer ns_test_x' }, 401, 'unauthorized'],
  ])('with %s: %i', async (_what, headers, status, slug) => {
    expectProblem(await ask({ reason }, headers), status, slug)
  })
})

describe('a refund of what is not there', () => {
  test.each([
    'pay_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    'A0000000-0000-4000-8000-000000000000',
    '00000000000000000000000000000000',
    '1%27%20OR%20%271%27=%271',
    '%00',
    '..%2f..%2fetc%2fpasswd',
    'a'.repeat(500),
    '-1',
  ])('#71 #77 of %.40s: as absent as a payment that never was', async id => {
    for (const each of [id, randomUUID()]) {
      expectProblem(await ask({ reason }, {}, each), 404, 'not-found')
      const list = await attacked.send({ method: 'GET', target: refundsOf(each) })
      expectProblem(list, 404, 'not-found')
    }
  })

  test("#53 of another tenant's payment: absent, in the same words, and nothing is begun", async () => {
    const [foreign, absent] = [
      await ask({ reason }, northwind()),
      await ask({ reason }, northwind(), randomUUID()),
    ]
    expectProblem(foreign, 404, 'not-found')
    expect({ ...foreign.json, instance: '' }).toEqual({ ...absent.json, instance: '' })
    const target = refundsOf(paymentId)
    const list = await attacked.send({ method: 'GET', target, headers: northwind() })
    expectProblem(list, 404, 'not-found')
  })

  test('#53 of money that is held and not taken: 409', async () => {
    const { json } = await attacked.holdHonestly()
    const answer = await ask({ reason }, {}, json.paymentId)
    expectProblem(answer, 409, 'payment-not-captured')
  })
})

describe('#53 a refund of more than there is', () => {
  test.each([9_901, 99_999_999])('%i cents of 9900: 422, and all of it is left', async amount => {
    const { json } = await attacked.payHonestly()
    const answer = await ask({ reason, amountCents: amount }, {}, json.paymentId)
    expectProblem(answer, 422, 'refund-too-large')
    const whole = await attacked.refundHonestly(json.paymentId)
    expect(whole.json.amountCents).toBe(9_900)
  })

  test('one cent more than is left: 422; what is left: given back; then no more', async () => {
    const { json } = await attacked.payHonestly()
    await attacked.refundHonestly(json.paymentId, { reason, amountCents: 9_899 })
    const more = await ask({ reason, amountCents: 2 }, {}, json.paymentId)
    expectProblem(more, 422, 'refund-too-large')
    await attacked.refundHonestly(json.paymentId, { reason, amountCents: 1 })
    for (const body of [{ reason }, { reason, amountCents: 1 }]) {
      expectProblem(await ask(body, {}, json.paymentId), 422, 'refund-too-large')
    }
  })

  test('ten at once for the whole, under ten keys: given back once', async () => {
    const { json } = await attacked.payHonestly()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => ask({ reason }, {}, json.paymentId)),
    )
    const [given, ...others] = answers.toSorted((a, b) => a.status - b.status)
    expect([given?.status, given?.json.amountCents]).toEqual([201, 9_900])
    attacked.meant.refunded.push(given?.json.refundId)
    for (const answer of others) expectProblem(answer, 422, 'refund-too-large')
  })
})

describe('a key that is used again', () => {
  const keyed = () => ({ 'idempotency-key': newKey() })

  test('#53 #59 for the same refund: the same bytes, and given back once', async () => {
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

  test('#58 for another amount, reason or payment: 422', async () => {
    const key = keyed()
    await attacked.refundHonestly(paymentId, { reason, amountCents: 1 }, key)
    const other = (await attacked.payHonestly()).json.paymentId
    const refusals = [
      await ask({ reason, amountCents: 2 }, key),
      await ask({ reason }, key),
      await ask({ reason: 'withdrawn', amountCents: 1 }, key),
      await ask({ reason, amountCents: 1 }, key, other),
    ]
    for (const answer of refusals) expectProblem(answer, 422, 'idempotency-key-reused')
  })

  test('#61 by another route it is another key: paid with it, given back with it', async () => {
    const key = keyed()
    const { json } = await attacked.payHonestly(paymentOf(), key)
    const refund = await attacked.refundHonestly(json.paymentId, { reason }, key)
    expect(refund.headers['idempotency-replayed']).toBeUndefined()
  })

  test('#62 by another tenant: another key, and no sign of ours', async () => {
    const key = keyed()
    const theirs = await attacked.payHonestly(paymentOf(), northwind())
    await attacked.refundHonestly(paymentId, { reason, amountCents: 1 }, key)
    const body = { reason, amountCents: 1 }
    const refund = await attacked.refundHonestly(theirs.json.paymentId, body, {
      ...key,
      ...northwind(),
    })
    expect(refund.headers['idempotency-replayed']).toBeUndefined()
  })

  test.each([
    ['422', { reason, amountCents: 99_999_999 }],
    ['400', { reason, amountCents: 0 }],
  ])('#65 after a %s: it is as good as new', async (status, refused) => {
    const key = keyed()
    expect(String((await ask(refused, key)).status)).toBe(status)
    const refund = await attacked.refundHonestly(paymentId, { reason, amountCents: 1 }, key)
    expect(refund.headers['idempotency-replayed']).toBeUndefined()
  })
})

test('after all of these, only what was meant was charged and given back', () =>
  attacked.expectOnlyWhatWasMeant())
