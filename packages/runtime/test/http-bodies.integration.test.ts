import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildOperationsServer } from '../src/http/operations-server.ts'
import { createMetrics } from '../src/telemetry/metrics.ts'
import { type AttackedApp, openAttackedApp } from './attacked-app.ts'
import { get, host, json, marker, post, postChunked, refusalsOf, valid } from './attacks.ts'
import { readAnswer, sendRaw } from './raw-http.ts'

let attacked: AttackedApp

beforeAll(async () => {
  attacked = await openAttackedApp()
})
afterAll(() => attacked.app.close())

const { expectRefusal } = refusalsOf(() => attacked)

describe('a body that the route does not accept', () => {
  const long = `{"name":"${marker.repeat(300)}","count":1}`
  const text = (value: string) => `{"name":"${marker}${value}","count":1}`
  test.each([
    ['an empty one', post(''), 400, 'malformed-json'],
    ['a truncated one', post(valid.slice(0, -1)), 400, 'malformed-json'],
    ['something behind it', post(`${valid}${marker}`), 400, 'malformed-json'],
    ['a comment', post(`/* ${marker} */ ${valid}`), 400, 'malformed-json'],
    ['NaN', post('{"name":"x","count":NaN}'), 400, 'malformed-json'],
    ['a hexadecimal number', post('{"name":"x","count":0x10}'), 400, 'malformed-json'],
    ['single quotes', post("{'name':'x','count':1}"), 400, 'malformed-json'],
    ['__proto__', post('{"__proto__":{"x":1},"name":"x","count":1}'), 400, 'malformed-json'],
    ['a hidden __proto__', post('{"\\u005f_proto__":{"x":1}}'), 400, 'malformed-json'],
    ['constructor.prototype', post('{"constructor":{"prototype":1}}'), 400, 'malformed-json'],
    ['null', post('null'), 400, 'validation-error'],
    ['a list', post('[]'), 400, 'validation-error'],
    ['a number', post('5'), 400, 'validation-error'],
    ['text', post(`"${marker}"`), 400, 'validation-error'],
    ['an unknown field', post(`{"name":"x","count":1,"id":"${marker}"}`), 400, 'validation-error'],
    ['a missing field', post(`{"name":"${marker}"}`), 400, 'validation-error'],
    ['a number as text', post('{"name":"x","count":"1"}'), 400, 'validation-error'],
    ['text as a number', post('{"name":1,"count":1}'), 400, 'validation-error'],
    ['null for a field', post('{"name":null,"count":1}'), 400, 'validation-error'],
    ['a fraction', post('{"name":"x","count":1.5}'), 400, 'validation-error'],
    ['a boolean', post('{"name":"x","count":true}'), 400, 'validation-error'],
    ['a NUL in text', post(text('\\u0000')), 400, 'validation-error'],
    ['a line break in text', post(text('\\r\\nBcc: x')), 400, 'validation-error'],
    ['text that turns its direction', post(text('\u202e')), 400, 'validation-error'],
    // serde-rs/json#762: one reader keeps the first of two, another the last.
    ['a name twice', post('{"name":"x","count":4900,"count":1}'), 400, 'ambiguous-json'],
    ['too great a number', post('{"name":"x","count":1e400}'), 400, 'ambiguous-json'],
    ['too exact a number', post('{"name":"x","count":1.00000000000000001}'), 400, 'ambiguous-json'],
    [
      'UTF-16',
      post(valid, 'Content-Type: application/json; charset=utf-16\r\n'),
      415,
      'unsupported-media-type',
    ],
    [
      'Latin 1 in quotes',
      post(valid, 'Content-Type: application/json; CHARSET="ISO-8859-1"\r\n'),
      415,
      'unsupported-media-type',
    ],
    [
      'another charset behind UTF-8',
      post(valid, 'Content-Type: application/json; charset=utf-8; charset=utf-7\r\n'),
      415,
      'unsupported-media-type',
    ],
    ['two types', post(valid, `${json}${json}`), 400, 'malformed-request'],
    [
      'a problem',
      post(valid, 'Content-Type: application/problem+json\r\n'),
      415,
      'unsupported-media-type',
    ],
    [
      'a content coding in capitals',
      post(valid, `${json}Content-Encoding: GZIP\r\n`),
      415,
      'unsupported-media-type',
    ],
    ['deep nesting', post('['.repeat(1_000)), 400, 'malformed-json'],
    ['bytes that are not UTF-8', post(Buffer.from([34, 0xc3, 0x28, 34])), 400, 'invalid-encoding'],
    [
      'a lone byte of UTF-8 in a valid body',
      post(
        Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0x80]), Buffer.from('","count":1}')]),
      ),
      400,
      'invalid-encoding',
    ],
    ['half a character', post(text('\\ud83d')), 400, 'invalid-encoding'],
    ['half a character in a name', post('{"\\uDC00":1}'), 400, 'invalid-encoding'],
    ['halves in the wrong order', post(text('\\ude42\\ud83d')), 400, 'invalid-encoding'],
    [
      'half a character, very deep',
      post(`${'['.repeat(500)}"\\ud83d"${']'.repeat(500)}`),
      400,
      'invalid-encoding',
    ],
    [
      'a content coding',
      post(valid, `${json}Content-Encoding: gzip\r\n`),
      415,
      'unsupported-media-type',
    ],
    ['text/plain', post(valid, 'Content-Type: text/plain\r\n'), 415, 'unsupported-media-type'],
    ['xml', post('<x/>', 'Content-Type: application/xml\r\n'), 415, 'unsupported-media-type'],
    ['no type', post(valid, ''), 415, 'unsupported-media-type'],
    [
      'a form',
      post(`name=${marker}`, 'Content-Type: application/x-www-form-urlencoded\r\n'),
      415,
      'unsupported-media-type',
    ],
    [
      'a type that only begins like JSON',
      post(valid, 'Content-Type: application/jsonx\r\n'),
      415,
      'unsupported-media-type',
    ],
    ['too large', post(long), 413, 'payload-too-large'],
    ['too large, and it does not say so', postChunked(`800\r\n${long}`), 413, 'payload-too-large'],
  ])('%s', async (_what, bytes, status, slug) => {
    const handled = attacked.handled.length
    await expectRefusal(await sendRaw(attacked.port, bytes), status, slug)
    expect(attacked.handled).toHaveLength(handled)
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  test.each([
    ['a byte order mark', post(`\ufeff${valid}`)],
    ['a type in capitals', post(valid, 'Content-Type: APPLICATION/JSON; charset=utf-8\r\n')],
    ['a type with an odd tail', post(valid, 'Content-Type: application/json\t; x\r\n')],
    ['characters beyond the first plane', post('{"name":"🙂","count":1}')],
    ['one of them in two escapes', post('{"name":"\\ud83d\\uDE42","count":1}')],
    ['text about an escape', post('{"name":"\\\\ud83d","count":1}')],
    ['no content coding', post(valid, `${json}Content-Encoding: Identity\r\n`)],
    ['UTF-8 in quotes', post(valid, 'Content-Type: application/json;charset="UTF-8"\r\n')],
    [
      'a charset in a value',
      post(valid, 'Content-Type: application/json; x="; charset=utf-7"\r\n'),
    ],
    ['a version', post(valid, 'Content-Type: application/json; v=1; Charset=Utf-8\r\n')],
    ['a number in another form', post('{"name":"a","count":1.0e0}')],
  ])('%s changes nothing', async (_what, bytes) => {
    expect((await sendRaw(attacked.port, bytes)).status).toBe(201)
  })

  test('words of HTTP may be written in any case', async () => {
    const expecting = await sendRaw(attacked.port, post(valid, `${json}Expect: 100-CONTINUE\r\n`))
    expect([expecting.status, expecting.rest]).toEqual([100, expect.stringContaining(' 201 ')])
    const body = `${valid.length.toString(16).toUpperCase()}\r\n${valid}\r\n0\r\n\r\n`
    const chunked = postChunked(body).replace(': chunked', ': Chunked')
    expect((await sendRaw(attacked.port, chunked)).status).toBe(201)
    const closing = await sendRaw(
      attacked.port,
      get('/things/abc', `HOST: x\r\nconnection: CLOSE\r\n`),
      true,
    )
    expect([closing.status, closing.closed]).toEqual([200, true])
  })

  test('a body of a thousand mistakes does not get an answer of a thousand lines', async () => {
    const fields = Array.from({ length: 100 }, (_, i) => `"f${i}":0`)
    const answer = await sendRaw(attacked.port, post(`{${fields.join()}}`))
    expect(answer.body.length).toBeLessThan(2_000)
    const name = marker.repeat(100)
    await expectRefusal(
      await sendRaw(attacked.port, post(`{"name":"x","count":1,"${name}":0}`)),
      400,
      'validation-error',
    )
  })
})

test('a caller that sends far too much can send all of it, and reads why it is refused', async () => {
  const socket = connect(attacked.port, '127.0.0.1')
  const failures: Error[] = []
  socket.on('error', error => failures.push(error))
  socket.write(post(Buffer.alloc(4 * 1024 * 1024, 'x')))
  const answer = await readAnswer(socket, true)
  await expectRefusal(answer, 413, 'payload-too-large')
  // A reset can overtake the answer: then all that the caller knows is that its connection broke.
  expect(failures).toEqual([])
})

describe('a caller that is refused early can send its whole body, and reads why', () => {
  const to = (head: string, headers: string) => (body: Buffer) =>
    Buffer.concat([
      Buffer.from(`${head} HTTP/1.1\r\n${headers}Content-Length: ${body.length}\r\n\r\n`),
      body,
    ])
  const refusals: [string, number, (body: Buffer) => Buffer][] = [
    ['a header that is none', 400, to('POST /things', `${host}A : 1\r\n`)],
    ['two Hosts', 400, to('POST /things', `${host}${host}`)],
    ['a key in the URL', 400, to('POST /things?ns_test_1', host)],
    ['a broken escape', 400, to('POST /things/%zz', host)],
    ['no such path', 404, to('POST /nothing', host)],
    ['no such method', 405, to('PUT /things', host)],
    ['too large', 413, to('POST /things', `${host}${json}`)],
    ['another type', 415, to('POST /things', `${host}Content-Type: text/plain\r\n`)],
    ['a strange expectation', 417, to('POST /things', `${host}Expect: tea\r\n`)],
    ['headers too large', 431, to('POST /things', `${host}A: ${'a'.repeat(20_000)}\r\n`)],
  ]
  test.each(refusals)('%s: %i', async (_what, status, request) => {
    for (const bytes of [90_000, 400_000, 2_000_000]) {
      for (let times = 0; times < 10; times += 1) {
        const socket = connect(attacked.port, '127.0.0.1')
        const failures: Error[] = []
        socket.on('error', error => failures.push(error))
        socket.write(request(Buffer.alloc(bytes, 'x')))
        const answer = await readAnswer(socket)
        socket.destroy()
        expect([answer.status, failures]).toEqual([status, []])
      }
    }
  })

  test('the same holds on the operations port', async () => {
    const operations = buildOperationsServer(createMetrics('operations').registry, {
      isLive: () => true,
      isReady: () => true,
    })
    await operations.listen({ host: '127.0.0.1', port: 0 })
    const address = operations.server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    for (const head of ['POST /nothing', 'PUT /metrics', 'POST /health/live']) {
      for (const bytes of [90_000, 400_000, 2_000_000]) {
        const socket = connect(port, '127.0.0.1')
        const failures: Error[] = []
        socket.on('error', error => failures.push(error))
        socket.write(to(head, host)(Buffer.alloc(bytes, 'x')))
        expect([(await readAnswer(socket)).status, failures]).toEqual([404, []])
        socket.destroy()
      }
    }
    await operations.close()
  })

  test('an answer to a GET with a body does not cut the body off either', async () => {
    const request = to('GET /things/abc', `${host}Connection: close\r\n`)
    const socket = connect(attacked.port, '127.0.0.1')
    const failures: Error[] = []
    socket.on('error', error => failures.push(error))
    socket.write(request(Buffer.alloc(2_000_000, 'x')))
    const answer = await readAnswer(socket, true)
    expect([answer.status, failures]).toEqual([200, []])
  })
})
