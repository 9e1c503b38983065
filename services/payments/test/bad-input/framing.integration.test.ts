import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { paymentOf, validBody } from '../payment-of.ts'
import {
  type AttackedPayments,
  expectProblem,
  openAttackedPayments,
  type RawRequest,
} from './attacked-payments.ts'
import { exchange, exchangeOne } from './raw-http.ts'

let attacked: AttackedPayments

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
})
afterAll(() => attacked[Symbol.asyncDispose]())

const head = (headers: Record<string, string | null>, body = ''): RawRequest => ({ headers, body })
/** Headers without `Content-Length`, because the chunks of each case say how long the body is. */
const chunked = { 'content-length': null, 'transfer-encoding': 'chunked' }

describe('a request that is not valid HTTP', () => {
  test.each<[string, () => RawRequest]>([
    [
      'Content-Length and Transfer-Encoding',
      () => head({ 'transfer-encoding': 'chunked' }, '0\r\n\r\n'),
    ],
    ['two Content-Lengths', () => head({ 'Content-Length': '3' }, validBody())],
    ['an invalid chunk size', () => head(chunked, `ZZ\r\n${validBody()}\r\n0\r\n\r\n`)],
    ['a chunk longer than its size', () => head(chunked, `2\r\n${validBody()}\r\n0\r\n\r\n`)],
    [
      'an encoding on top of chunked',
      () => head({ ...chunked, 'transfer-encoding': 'chunked, gzip' }),
    ],
    ['a folded header', () => head({ a: '1\r\n 2' }, validBody())],
    ['a space before a colon', () => head({ 'a ': '1' }, validBody())],
    ['a bare CR in a header', () => head({ a: '1\r2' }, validBody())],
    ['a bare LF in a header', () => head({ a: '1\n2' }, validBody())],
    ['a NUL in a header', () => head({ a: '1\0' }, validBody())],
    ['no Host header', () => head({ host: null }, validBody())],
    ['two Host headers', () => head({ Host: 'evil.test' }, validBody())],
    ['an unknown method', () => ({ method: 'FOO', body: validBody() })],
  ])('because of %s is refused, and the connection ends', async (_what, request) => {
    const bytes = attacked.write(request())
    const { answers, closed, rest } = await exchange(attacked.port, { bytes, untilClosed: true })
    expect([answers.length, closed, rest]).toEqual([1, true, ''])
    if (answers[0]) expectProblem(answers[0], 400, 'malformed-request')
  })

  test('because of bytes beyond its Content-Length is handled once, and the rest is refused', async () => {
    const body = paymentOf()
    const [first, rest] = [attacked.write({ body: JSON.stringify(body) }), '{"amountCents":1}']
    const bytes = Buffer.concat([first, Buffer.from(rest)])
    const { answers } = await exchange(attacked.port, { bytes, untilClosed: true })
    expect(answers.map(({ status }) => status)).toEqual([201, 400])
    attacked.intended.paid.push(body.publicationId)
    if (answers[1]) expectProblem(answers[1], 400, 'malformed-request')
  })

  test('because its Content-Length is too short is refused, and the connection ends', async () => {
    const bytes = attacked.write({ headers: { 'content-length': '20' }, body: validBody() })
    const { answers } = await exchange(attacked.port, { bytes, untilClosed: true })
    expect(answers).toHaveLength(1)
    if (answers[0]) expectProblem(answers[0], 400, 'malformed-json')
  })

  test.each([
    ['one header of 20 KB', () => ({ a: 'x'.repeat(20_480) })],
    ['a thousand headers', () => Object.fromEntries(manyHeaders(1_000))],
  ])('because of %s is refused', async (_what, headers) => {
    expectProblem(await attacked.send(head(headers(), validBody())), 431, 'headers-too-large')
  })

  test('because of an unknown expectation is refused', async () => {
    const answer = await attacked.send(head({ expect: '200-ok' }, validBody()))
    expectProblem(answer, 417, 'expectation-failed')
  })
})

function manyHeaders(count: number): [string, string][] {
  return Array.from({ length: count }, (_, i) => [`x-header-${i}`, 'x'.repeat(20)])
}

describe('an unknown method or path', () => {
  test.each([
    ['TRACE', '/v1/payments', 'GET, HEAD, POST'],
    ['DELETE', '/v1/payments', 'GET, HEAD, POST'],
    ['PUT', '/v1/payments', 'GET, HEAD, POST'],
    ['PATCH', '/v1/payments', 'GET, HEAD, POST'],
    ['OPTIONS', '/v1/payments', 'GET, HEAD, POST'],
    ['GET', '/v1/provider-webhooks', 'POST'],
    ['DELETE', `/v1/payments/${paymentOf().listingId}`, 'GET, HEAD'],
  ])(
    'such as %s %s is refused, and Allow names the methods of the path',
    async (method, target, allow) => {
      const refusals = [
        await attacked.send({ method, target, headers: { 'content-type': null } }),
        await attacked.send({ method, target, body: validBody() }),
        await attacked.send({ method, target, headers: { authorization: null } }),
      ]
      for (const answer of refusals) {
        expectProblem(answer, 405, 'method-not-allowed')
        expect(answer.headers['allow']).toBe(allow)
      }
    },
  )

  test('such as CONNECT is refused, and the connection ends', async () => {
    const bytes = attacked.write({ method: 'CONNECT', target: 'evil.test:443' })
    const { answers, closed } = await exchange(attacked.port, { bytes, untilClosed: true })
    expect([answers.length, closed]).toEqual([1, true])
    if (answers[0]) expectProblem(answers[0], 405, 'method-not-allowed')
  })

  test.each([
    ['http://evil.test/', 404, 'not-found'],
    ['http://evil.test', 404, 'not-found'],
    ['//evil.test/v1/payments', 404, 'not-found'],
    ['/v1/payments/', 404, 'not-found'],
    ['/v1/payments;x=1', 404, 'not-found'],
    ['/V1/payments', 404, 'not-found'],
    ['/v1/../v1/payments', 404, 'not-found'],
    ['/v1/payments/..%2f', 404, 'not-found'],
    ['/v1/payments/%00', 404, 'not-found'],
    ['/v1/payments/%zz', 400, 'malformed-request'],
    ['/v1/payments/%c0%af', 400, 'malformed-request'],
    ['/v1/payments/%ed%a0%80', 400, 'malformed-request'],
    [`/v1/payments/${'a'.repeat(500)}`, 404, 'not-found'],
    [`/v1/payments?${'id=1&'.repeat(1_000)}`, 400, 'validation-error'],
    [`/v1/payments?${'id=1&'.repeat(10_000)}`, 431, 'headers-too-large'],
    ['/v1/payments?limit=1&limit=2', 400, 'validation-error'],
    ['/v1/payments?amountCents=1', 400, 'validation-error'],
    ['/v1/payments#x', 400, 'validation-error'],
  ])('such as %.60s is refused with %i', async (target, status, slug) => {
    const method = target.startsWith('/v1/payments/') ? 'GET' : 'POST'
    const body = method === 'GET' ? '' : validBody()
    expectProblem(await attacked.send({ method, target, body }), status, slug)
  })

  test('does not include a target with a host, whose path counts (RFC 9112, 3.2.2)', async () => {
    const body = paymentOf()
    const target = 'http://evil.test/v1/payments'
    const answer = await attacked.send({ target, body: JSON.stringify(body) })
    expect(answer.status).toBe(201)
    attacked.intended.paid.push(body.publicationId)
    expect(answer.headers['location']).toMatch(/^\/v1\/payments\//)
  })

  test('cannot be set by the headers of a proxy, which are neither used nor echoed', async () => {
    const answer = await attacked.payHonestly(paymentOf(), {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil.test',
      'x-forwarded-proto': 'gopher',
      'x-http-method-override': 'DELETE',
      'x-original-url': '/admin',
      forwarded: 'for=6.6.6.6;host=evil.test',
    })
    const echoed = JSON.stringify(answer.headers) + answer.body
    expect(echoed).not.toMatch(/6\.6\.6\.6|evil|gopher|admin/)
    expect(await attacked.system.logs('payments')).not.toMatch(/6\.6\.6\.6|evil|gopher|admin/)
  })
})

describe('pipelined requests', () => {
  const reads = (count: number) => {
    const target = `/v1/payments/${paymentOf().listingId}`
    const one = attacked.write({ method: 'GET', target })
    return Buffer.concat(Array.from({ length: count }, () => one))
  }

  test('are answered in order, if a caller sends a hundred', async () => {
    const { json } = await attacked.payHonestly()
    const ids = Array.from({ length: 100 }, (_, i) => (i % 2 ? json.listingId : json.paymentId))
    const requests = ids.map(id => attacked.write({ method: 'GET', target: `/v1/payments/${id}` }))
    const bytes = Buffer.concat(requests)
    const { answers } = await exchange(attacked.port, { bytes, answers: ids.length })
    expect(answers.map(({ status }) => status)).toEqual(ids.map((_, i) => (i % 2 ? 404 : 200)))
  })

  test('end the connection without harm to other callers, if a caller sends a thousand', async () => {
    const bytes = reads(1_000)
    const floods = Array.from({ length: 20 }, () =>
      exchange(attacked.port, { bytes, untilClosed: true }),
    )
    for (let i = 0; i < 10; i += 1) await attacked.payHonestly()
    for (const { answers } of await Promise.all(floods)) {
      expect(answers.filter(({ status }) => status !== 404)).toEqual([])
    }
  })

  test('with a broken body are refused after the answers to those before it', async () => {
    const broken = attacked.write(head(chunked, 'ZZ\r\n'))
    const bytes = Buffer.concat([reads(2), broken])
    const { answers } = await exchange(attacked.port, { bytes, untilClosed: true })
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 400])
  })

  test('with a broken body and no API key are refused for the missing key', async () => {
    const bytes = attacked.write(head({ ...chunked, authorization: null }, 'ZZ\r\n'))
    const { answers } = await exchange(attacked.port, { bytes, untilClosed: true })
    expect(answers).toHaveLength(1)
    if (answers[0]) expectProblem(answers[0], 401, 'unauthorized')
  })

  test('with one idempotency key make one charge', async () => {
    const body = paymentOf()
    const one = attacked.write({ body: JSON.stringify(body) })
    const bytes = Buffer.concat(Array.from({ length: 50 }, () => one))
    const { answers } = await exchange(attacked.port, { bytes, answers: 50, withinMs: 10_000 })
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
    expect(new Set(answers.map(({ body }) => body))).toHaveLength(1)
    attacked.intended.paid.push(body.publicationId)
  })

  test('after one that ends the connection are not handled', async () => {
    const last = [
      attacked.write({ headers: { host: null }, body: validBody() }),
      attacked.write({ headers: { connection: 'close' }, body: '{}' }),
    ]
    for (const one of last) {
      const bytes = Buffer.concat([one, attacked.write({ body: validBody() })])
      const { answers } = await exchange(attacked.port, { bytes, untilClosed: true })
      expect(answers.map(({ status }) => status)).toEqual([400])
    }
  })
})

test('an HTTP/1.0 request needs no Host header and gets the same answer', async () => {
  const target = `/v1/payments/${paymentOf().listingId}`
  const bytes = attacked
    .write({ method: 'GET', target, headers: { host: null } })
    .toString('latin1')
  const answer = await exchangeOne(attacked.port, bytes.replace('HTTP/1.1', 'HTTP/1.0'))
  expectProblem(answer, 404, 'not-found')
})

test('in the end, only intended payments were charged', () => attacked.expectOnlyIntendedEffects())
