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
/** Money that is held, and stays held whatever is asked. */
let paymentId: string

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
  paymentId = (await attacked.holdHonestly()).json.paymentId
})
afterAll(() => attacked[Symbol.asyncDispose]())

/** As clients ask: no body, no type of one, and no key. */
function ask(verb: string, request: RawRequest = {}, id = paymentId) {
  const headers = { 'content-type': null, 'idempotency-key': null, ...request.headers }
  return attacked.send({ target: `/v1/payments/${id}/${verb}`, ...request, headers })
}

describe.each(['capture', 'void'])('%s', verb => {
  const json = { 'content-type': 'application/json' }

  test.each([
    ['an amount', '{"amountCents":1}', '/amountCents'],
    ['an amount of the provider', '{"amount_to_capture":1}', '/amount_to_capture'],
    ['a state', '{"status":"captured"}', '/status'],
    ['a tenant', `{"tenantId":"${randomUUID()}"}`, '/tenantId'],
    ['a list', '[]', ''],
    ['a number', '5', ''],
    ['text', '"all of it"', ''],
  ])('#35 with %s: 400, because nothing can be said', async (_what, body, pointer) => {
    const answer = await ask(verb, { headers: json, body })
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe(pointer)
  })

  test.each<[string, NonNullable<RawRequest['headers']>, string, number, string]>([
    ['a body without a type', {}, '{}', 415, 'unsupported-media-type'],
    ['text', { 'content-type': 'text/plain' }, 'x', 415, 'unsupported-media-type'],
    ['half an object', json, '{', 400, 'malformed-json'],
    ['an empty body that is said to be JSON', json, '', 400, 'malformed-json'],
    ['20 KB', json, `{"a":"${'x'.repeat(20_480)}"}`, 413, 'payload-too-large'],
    ['no API key', { authorization: null }, '', 401, 'unauthorized'],
  ])('with %s: refused', async (_what, headers, body, status, slug) => {
    expectProblem(await ask(verb, { headers, body }), status, slug)
  })

  test('#40 with a query: 400', async () => {
    const target = `/v1/payments/${paymentId}/${verb}?amountCents=1`
    expectProblem(await ask(verb, { target }), 400, 'validation-error')
  })

  test.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('#17 by %s: 405', async method => {
    const answer = await ask(verb, { method })
    expectProblem(answer, 405, 'method-not-allowed')
    expect(answer.headers['allow']).toBe('POST')
  })

  test.each(['x', '%00', '-1', 'A0000000-0000-4000-8000-000000000000', 'a'.repeat(500)])(
    '#77 of %.40s: as absent as a payment that never was',
    async id => {
      expectProblem(await ask(verb, {}, id), 404, 'not-found')
      expectProblem(await ask(verb, {}, randomUUID()), 404, 'not-found')
    },
  )

  test("#77 of another tenant's money: absent, in the same words", async () => {
    const headers = { authorization: `Bearer ${attacked.system.apiKeys.northwind}` }
    const foreign = await ask(verb, { headers })
    const absent = await ask(verb, { headers }, randomUUID())
    expectProblem(foreign, 404, 'not-found')
    expect({ ...foreign.json, instance: '' }).toEqual({ ...absent.json, instance: '' })
  })
})

test('none of these took the money or let it go', async () => {
  const target = `/v1/payments/${paymentId}`
  expect((await attacked.send({ method: 'GET', target })).json.status).toBe('authorized')
})

test.each(['later', 'Manual', '', null, true, 1])(
  'a payment that is to be captured %j: 400',
  async captureMethod => {
    const answer = await attacked.pay(paymentOf({ captureMethod }))
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe('/captureMethod')
  },
)

test('what is taken is not let go, and what is let go is not taken: 409', async () => {
  const taken = (await attacked.payHonestly()).json.paymentId
  expectProblem(await ask('void', {}, taken), 409, 'payment-not-authorized')
  const released = (await attacked.holdHonestly()).json.paymentId
  expect((await ask('void', {}, released)).json.status).toBe('voided')
  expectProblem(await ask('capture', {}, released), 409, 'payment-not-authorized')
})

test('capture and void at once, ten of each: one of them happens', async () => {
  const held = (await attacked.holdHonestly()).json
  const verbs = Array.from({ length: 20 }, (_, i) => (i % 2 ? 'capture' : 'void'))
  const answers = await Promise.all(verbs.map(verb => ask(verb, {}, held.paymentId)))
  const target = `/v1/payments/${held.paymentId}`
  // The last owner of ten may hear that the provider is still at it; then the job finishes it.
  const status = await eventually('the decision is carried out', async () => {
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
  attacked.meant.held.splice(attacked.meant.held.indexOf(held.publicationId), 1)
  attacked.meant.paid.push(held.publicationId)
})

test('after all of these, only what was meant was charged', () => attacked.expectOnlyWhatWasMeant())
