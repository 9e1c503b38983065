import { randomUUID } from 'node:crypto'
import { eventually } from '@nightshift/load-tests/harness/test-client'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { paymentOf } from '../payment-of.ts'
import {
  type AttackedPayments,
  expectProblem,
  openAttackedPayments,
  type RawRequest,
} from './attacked-payments.ts'

let attacked: AttackedPayments
/** A payment that must stay authorized after every bad request. */
let paymentId: string

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
  paymentId = (await attacked.authorizeHonestly()).json.paymentId
})
afterAll(() => attacked[Symbol.asyncDispose]())

/** A request as clients send it: without a body, without its type, and without a key. */
function post(verb: string, request: RawRequest = {}, id = paymentId) {
  const headers = { 'content-type': null, 'idempotency-key': null, ...request.headers }
  return attacked.send({ target: `/v1/payments/${id}/${verb}`, ...request, headers })
}

describe.each(['capture', 'void'])('POST %s', verb => {
  const json = { 'content-type': 'application/json' }

  test.each([
    ['an amount', '{"amountCents":1}', '/amountCents'],
    ["a field of the provider's API", '{"amount_to_capture":1}', '/amount_to_capture'],
    ['a state', '{"status":"captured"}', '/status'],
    ['a tenant', `{"tenantId":"${randomUUID()}"}`, '/tenantId'],
    ['a list', '[]', ''],
    ['a number', '5', ''],
    ['text', '"all of it"', ''],
  ])('with %s in its body is refused, because it has no fields', async (_what, body, pointer) => {
    const answer = await post(verb, { headers: json, body })
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe(pointer)
  })

  test.each<[string, NonNullable<RawRequest['headers']>, string, number, string]>([
    ['a body without a type', {}, '{}', 415, 'unsupported-media-type'],
    ['text', { 'content-type': 'text/plain' }, 'x', 415, 'unsupported-media-type'],
    ['truncated JSON', json, '{', 400, 'malformed-json'],
    ['an empty body of type JSON', json, '', 400, 'malformed-json'],
    ['a body of 20 KB', json, `{"a":"${'x'.repeat(20_480)}"}`, 413, 'payload-too-large'],
    ['no API key', { authorization: null }, '', 401, 'unauthorized'],
  ])('with %s is refused', async (_what, headers, body, status, slug) => {
    expectProblem(await post(verb, { headers, body }), status, slug)
  })

  test('with a query is refused', async () => {
    const target = `/v1/payments/${paymentId}/${verb}?amountCents=1`
    expectProblem(await post(verb, { target }), 400, 'validation-error')
  })

  test.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'by the method %s is refused',
    async method => {
      const answer = await post(verb, { method })
      expectProblem(answer, 405, 'method-not-allowed')
      expect(answer.headers['allow']).toBe('POST')
    },
  )

  test.each(['x', '%00', '-1', 'A0000000-0000-4000-8000-000000000000', 'a'.repeat(500)])(
    'of the malformed id %.40s is answered like one of an unknown payment',
    async id => {
      expectProblem(await post(verb, {}, id), 404, 'not-found')
      expectProblem(await post(verb, {}, randomUUID()), 404, 'not-found')
    },
  )

  test("of another tenant's payment is answered like one of an unknown payment", async () => {
    const headers = { authorization: `Bearer ${attacked.system.apiKeys.northwind}` }
    const foreign = await post(verb, { headers })
    const absent = await post(verb, { headers }, randomUUID())
    expectProblem(foreign, 404, 'not-found')
    expect({ ...foreign.json, instance: '' }).toEqual({ ...absent.json, instance: '' })
  })
})

test('no refused request has captured or voided the payment', async () => {
  const target = `/v1/payments/${paymentId}`
  expect((await attacked.send({ method: 'GET', target })).json.status).toBe('authorized')
})

test.each(['later', 'Manual', '', null, true, 1])(
  'a payment with the capture method %j is refused',
  async captureMethod => {
    const answer = await attacked.pay(paymentOf({ captureMethod }))
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe('/captureMethod')
  },
)

test('a captured payment cannot be voided, nor a voided one captured', async () => {
  const captured = (await attacked.payHonestly()).json.paymentId
  expectProblem(await post('void', {}, captured), 409, 'payment-not-authorized')
  const voided = (await attacked.authorizeHonestly()).json.paymentId
  expect((await post('void', {}, voided)).json.status).toBe('voided')
  expectProblem(await post('capture', {}, voided), 409, 'payment-not-authorized')
})

test('of concurrent captures and voids, only one action happens', async () => {
  const payment = (await attacked.authorizeHonestly()).json
  const verbs = Array.from({ length: 20 }, (_, i) => (i % 2 ? 'capture' : 'void'))
  const answers = await Promise.all(verbs.map(verb => post(verb, {}, payment.paymentId)))
  const target = `/v1/payments/${payment.paymentId}`
  // The provider may answer the last of ten owners that it is still working. Then the job finishes
  // it.
  const status = await eventually('the action is carried out', async () => {
    const { json } = await attacked.send({ method: 'GET', target })
    return json.status === 'authorized' ? undefined : json.status
  })
  expect(['captured', 'voided']).toContain(status)
  answers.forEach((answer, i) => {
    const isDone = (status === 'captured') === (verbs[i] === 'capture')
    if (!isDone) expectProblem(answer, 409, 'payment-not-authorized')
    else expect([200, 202]).toContain(answer.status)
  })
  if (status !== 'captured') return
  const { authorized, paid } = attacked.intended
  authorized.splice(authorized.indexOf(payment.publicationId), 1)
  paid.push(payment.publicationId)
})

test('in the end, only intended payments were charged', () => attacked.expectOnlyIntendedEffects())
