import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { paymentOf, validBody } from '../payment-of.ts'
import {
  type AttackedPayments,
  expectProblem,
  openAttackedPayments,
  type RawRequest,
} from './attacked-payments.ts'
import { ask, converse } from './converse.ts'

let attacked: AttackedPayments

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
})
afterAll(() => attacked[Symbol.asyncDispose]())

const head = (headers: Record<string, string | null>, body = ''): RawRequest => ({ headers, body })
/** As `Content-Length`, nothing: what says how long the body is, is in the case. */
const chunked = { 'content-length': null, 'transfer-encoding': 'chunked' }

describe('what is not HTTP', () => {
  test.each<[number, string, () => RawRequest]>([
    [
      1,
      'Content-Length and Transfer-Encoding',
      () => head({ 'transfer-encoding': 'chunked' }, '0\r\n\r\n'),
    ],
    [2, 'two Content-Lengths', () => head({ 'Content-Length': '3' }, validBody())],
    [5, 'a chunk size that is none', () => head(chunked, `ZZ\r\n${validBody()}\r\n0\r\n\r\n`)],
    [5, 'a chunk longer than it says', () => head(chunked, `2\r\n${validBody()}\r\n0\r\n\r\n`)],
    [
      5,
      'an encoding on top of chunked',
      () => head({ ...chunked, 'transfer-encoding': 'chunked, gzip' }),
    ],
    [13, 'a folded header', () => head({ a: '1\r\n 2' }, validBody())],
    [13, 'a blank before a colon', () => head({ 'a ': '1' }, validBody())],
    [13, 'a bare CR in a header', () => head({ a: '1\r2' }, validBody())],
    [13, 'a bare LF in a header', () => head({ a: '1\n2' }, validBody())],
    [13, 'a NUL in a header', () => head({ a: '1\0' }, validBody())],
    [14, 'no Host', () => head({ host: null }, validBody())],
    [14, 'two Hosts', () => head({ Host: 'evil.test' }, validBody())],
    [16, 'a method that nobody knows', () => ({ method: 'FOO', body: validBody() })],
  ])('#%i %s: 400, and the connection ends', async (_number, _what, request) => {
    const bytes = attacked.write(request())
    const { answers, closed, rest } = await converse(attacked.port, { bytes, untilClosed: true })
    expect([answers.length, closed, rest]).toEqual([1, true, ''])
    if (answers[0]) expectProblem(answers[0], 400, 'malformed-request')
  })

  test('#3 more than Content-Length says: the first is handled once, the rest refused', async () => {
    const body = paymentOf()
    const [first, rest] = [attacked.write({ body: JSON.stringify(body) }), '{"amountCents":1}']
    const bytes = Buffer.concat([first, Buffer.from(rest)])
    const { answers } = await converse(attacked.port, { bytes, untilClosed: true })
    expect(answers.map(({ status }) => status)).toEqual([201, 400])
    attacked.meant.paid.push(body.publicationId)
    if (answers[1]) expectProblem(answers[1], 400, 'malformed-request')
  })

  test('#3 a Content-Length that cuts the body: refused, and the connection ends', async () => {
    const bytes = attacked.write({ headers: { 'content-length': '20' }, body: validBody() })
    const { answers } = await converse(attacked.port, { bytes, untilClosed: true })
    expect(answers).toHaveLength(1)
    if (answers[0]) expectProblem(answers[0], 400, 'malformed-json')
  })

  test.each([
    [11, 'one header of 20 KB', () => ({ a: 'x'.repeat(20_480) })],
    [11, 'a thousand headers', () => Object.fromEntries(manyHeaders(1_000))],
  ])('#%i %s: 431', async (_number, _what, headers) => {
    expectProblem(await attacked.send(head(headers(), validBody())), 431, 'headers-too-large')
  })

  test('#18 an expectation that nobody meets: 417', async () => {
    const answer = await attacked.send(head({ expect: '200-ok' }, validBody()))
    expectProblem(answer, 417, 'expectation-failed')
  })
})

function manyHeaders(count: number): [string, string][] {
  return Array.from({ length: count }, (_, i) => [`x-header-${i}`, 'x'.repeat(20)])
}

describe('a method or a path that is not there', () => {
  test.each([
    ['TRACE', '/v1/payments', 'GET, HEAD, POST'],
    ['DELETE', '/v1/payments', 'GET, HEAD, POST'],
    ['PUT', '/v1/payments', 'GET, HEAD, POST'],
    ['PATCH', '/v1/payments', 'GET, HEAD, POST'],
    ['OPTIONS', '/v1/payments', 'GET, HEAD, POST'],
    ['GET', '/v1/provider-webhooks', 'POST'],
    ['DELETE', `/v1/payments/${paymentOf().listingId}`, 'GET, HEAD'],
  ])('#16 #17 %s %s: 405, and Allow says what would do', async (method, target, allow) => {
    const refusals = [
      await attacked.send({ method, target, headers: { 'content-type': null } }),
      await attacked.send({ method, target, body: validBody() }),
      await attacked.send({ method, target, headers: { authorization: null } }),
    ]
    for (const answer of refusals) {
      expectProblem(answer, 405, 'method-not-allowed')
      expect(answer.headers['allow']).toBe(allow)
    }
  })

  test('#16 CONNECT: 405, and the connection ends', async () => {
    const bytes = attacked.write({ method: 'CONNECT', target: 'evil.test:443' })
    const { answers, closed } = await converse(attacked.port, { bytes, untilClosed: true })
    expect([answers.length, closed]).toEqual([1, true])
    if (answers[0]) expectProblem(answers[0], 405, 'method-not-allowed')
  })

  test.each([
    [21, 'http://evil.test/', 404, 'not-found'],
    [21, 'http://evil.test', 404, 'not-found'],
    [21, '//evil.test/v1/payments', 404, 'not-found'],
    [21, '/v1/payments/', 404, 'not-found'],
    [21, '/v1/payments;x=1', 404, 'not-found'],
    [21, '/V1/payments', 404, 'not-found'],
    [21, '/v1/../v1/payments', 404, 'not-found'],
    [21, '/v1/payments/..%2f', 404, 'not-found'],
    [21, '/v1/payments/%00', 404, 'not-found'],
    [21, '/v1/payments/%zz', 400, 'malformed-request'],
    [21, '/v1/payments/%c0%af', 400, 'malformed-request'],
    [21, '/v1/payments/%ed%a0%80', 400, 'malformed-request'],
    [22, `/v1/payments/${'a'.repeat(500)}`, 404, 'not-found'],
    [39, `/v1/payments?${'id=1&'.repeat(1_000)}`, 400, 'validation-error'],
    [39, `/v1/payments?${'id=1&'.repeat(10_000)}`, 431, 'headers-too-large'],
    [40, '/v1/payments?limit=1&limit=2', 400, 'validation-error'],
    [40, '/v1/payments?amountCents=1', 400, 'validation-error'],
    [40, '/v1/payments#x', 400, 'validation-error'],
  ])('#%i %.60s: %i', async (_number, target, status, slug) => {
    const method = target.startsWith('/v1/payments/') ? 'GET' : 'POST'
    const body = method === 'GET' ? '' : validBody()
    expectProblem(await attacked.send({ method, target, body }), status, slug)
  })

  test('#21 a target with a host in it is its path: RFC 9112, 3.2.2', async () => {
    const body = paymentOf()
    const target = 'http://evil.test/v1/payments'
    const answer = await attacked.send({ target, body: JSON.stringify(body) })
    expect(answer.status).toBe(201)
    attacked.meant.paid.push(body.publicationId)
    expect(answer.headers['location']).toMatch(/^\/v1\/payments\//)
  })

  test('#20 what a proxy would say of the caller is neither believed nor repeated', async () => {
    const answer = await attacked.payHonestly(paymentOf(), {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil.test',
      'x-forwarded-proto': 'gopher',
      'x-http-method-override': 'DELETE',
      'x-original-url': '/admin',
      forwarded: 'for=6.6.6.6;host=evil.test',
    })
    const said = JSON.stringify(answer.headers) + answer.body
    expect(said).not.toMatch(/6\.6\.6\.6|evil|gopher|admin/)
    expect(await attacked.system.logs('payments')).not.toMatch(/6\.6\.6\.6|evil|gopher|admin/)
  })
})

describe('#19 requests that do not wait for answers', () => {
  const lookUps = (count: number) => {
    const target = `/v1/payments/${paymentOf().listingId}`
    const one = attacked.write({ method: 'GET', target })
    return Buffer.concat(Array.from({ length: count }, () => one))
  }

  test('a hundred of one caller are answered, one after another', async () => {
    const { json } = await attacked.payHonestly()
    const ids = Array.from({ length: 100 }, (_, i) => (i % 2 ? json.listingId : json.paymentId))
    const requests = ids.map(id => attacked.write({ method: 'GET', target: `/v1/payments/${id}` }))
    const bytes = Buffer.concat(requests)
    const { answers } = await converse(attacked.port, { bytes, answers: ids.length })
    expect(answers.map(({ status }) => status)).toEqual(ids.map((_, i) => (i % 2 ? 404 : 200)))
  })

  test('a thousand end the connection, and nobody else notices', async () => {
    const bytes = lookUps(1_000)
    const floods = Array.from({ length: 20 }, () =>
      converse(attacked.port, { bytes, untilClosed: true }),
    )
    for (let i = 0; i < 10; i += 1) await attacked.payHonestly()
    for (const { answers } of await Promise.all(floods)) {
      expect(answers.filter(({ status }) => status !== 404)).toEqual([])
    }
  })

  test('a body that breaks behind another request is refused behind its answer', async () => {
    const broken = attacked.write(head(chunked, 'ZZ\r\n'))
    const bytes = Buffer.concat([lookUps(2), broken])
    const { answers } = await converse(attacked.port, { bytes, untilClosed: true })
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 400])
  })

  test('a body that breaks is no reason to look at it: 401, and the connection ends', async () => {
    const bytes = attacked.write(head({ ...chunked, authorization: null }, 'ZZ\r\n'))
    const { answers } = await converse(attacked.port, { bytes, untilClosed: true })
    expect(answers).toHaveLength(1)
    if (answers[0]) expectProblem(answers[0], 401, 'unauthorized')
  })

  test('fifty with one key are one charge', async () => {
    const body = paymentOf()
    const one = attacked.write({ body: JSON.stringify(body) })
    const bytes = Buffer.concat(Array.from({ length: 50 }, () => one))
    const { answers } = await converse(attacked.port, { bytes, answers: 50, withinMs: 10_000 })
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
    expect(new Set(answers.map(({ body }) => body))).toHaveLength(1)
    attacked.meant.paid.push(body.publicationId)
  })

  test('what is behind an answer that ends the connection is not handled', async () => {
    const last = [
      attacked.write({ headers: { host: null }, body: validBody() }),
      attacked.write({ headers: { connection: 'close' }, body: '{}' }),
    ]
    for (const one of last) {
      const bytes = Buffer.concat([one, attacked.write({ body: validBody() })])
      const { answers } = await converse(attacked.port, { bytes, untilClosed: true })
      expect(answers.map(({ status }) => status)).toEqual([400])
    }
  })
})

test('an HTTP/1.0 caller needs no Host, and is told the same', async () => {
  const target = `/v1/payments/${paymentOf().listingId}`
  const bytes = attacked
    .write({ method: 'GET', target, headers: { host: null } })
    .toString('latin1')
  const answer = await ask(attacked.port, bytes.replace('HTTP/1.1', 'HTTP/1.0'))
  expectProblem(answer, 404, 'not-found')
})

test('after all of these, only what was meant was charged', () => attacked.expectOnlyWhatWasMeant())
