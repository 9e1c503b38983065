import { connect } from 'node:net'
import { Problem } from '@nightshift/contracts/problem'
import { waitUntil } from '@nightshift/local/wait-until'
import { Check } from 'typebox/value'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AttackedApp, limits, openAttackedApp } from './attacked-app.ts'
import { type RawAnswer, readAnswer, sendRaw } from './raw-http.ts'

/** In everything that is sent, and in nothing that comes back. */
const marker = 'm4rk3r'

let attacked: AttackedApp

beforeAll(async () => {
  attacked = await openAttackedApp()
})
afterAll(() => attacked.app.close())

const host = 'Host: nightshift.test\r\n'
const json = 'Content-Type: application/json\r\n'
const valid = JSON.stringify({ name: 'a name', count: 1 })

function get(path: string, headers = host) {
  return `GET ${path} HTTP/1.1\r\n${headers}\r\n`
}

function post(body: string | Uint8Array, type = json) {
  const head = `POST /things HTTP/1.1\r\n${host}${type}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(body)])
}

function postChunked(chunks: string) {
  return `POST /things HTTP/1.1\r\n${host}${json}Transfer-Encoding: chunked\r\n\r\n${chunks}`
}

function linesOf(requestId: unknown) {
  return attacked.lines.filter(line => line['requestId'] === requestId)
}

/** What every refusal owes: the form, the log line, and to keep to itself what it was sent. */
async function expectRefusal(answer: RawAnswer, status: number, slug: string) {
  expect([answer.status, answer.json?.['type']]).toEqual([status, `/problems/${slug}`])
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
  expect(Check(Problem, answer.json)).toBe(true)
  expect(answer.json?.['status']).toBe(status)
  expect(answer.body).not.toContain(marker)
  const id = answer.json?.['instance']
  expect(await waitUntil(() => linesOf(id).length > 0, 2_000, 5)).toBe(true)
  expect(linesOf(id).map(line => [line['event'], line['status']])).toEqual([
    ['http.request', status],
  ])
}

test('what is well formed is handled, and leaves one line', async () => {
  const before = attacked.lines.length
  const answer = await sendRaw(attacked.port, post(valid))
  expect(answer.status).toBe(201)
  expect(answer.json).toEqual(JSON.parse(valid))
  await waitUntil(() => attacked.lines.length > before, 2_000, 5)
  expect(attacked.lines.slice(before)).toEqual([
    expect.objectContaining({ method: 'POST', route: '/things', status: 201 }),
  ])
})

describe('what is not HTTP is refused, and the connection ends', () => {
  const smuggled = `GET /${marker} HTTP/1.1\r\n${host}\r\n`
  test.each([
    [
      'Content-Length and Transfer-Encoding',
      `POST /things HTTP/1.1\r\n${host}${json}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    [
      'two Content-Lengths',
      `POST /things HTTP/1.1\r\n${host}${json}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}${smuggled}`,
    ],
    ['a negative Content-Length', `POST /things HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\n`],
    ['a chunk size that is none', postChunked(`ZZ\r\n${marker}\r\n0\r\n\r\n`)],
    ['a chunk that is longer than it says', postChunked(`2\r\n{"${marker}\r\n0\r\n\r\n`)],
    ['an encoding on top of chunked', postChunked('').replace('chunked', 'chunked, gzip')],
    ['a folded header', get('/things/abc', `${host}A: 1\r\n ${marker}\r\n`)],
    ['a blank before a colon', get('/things/abc', `${host}A : ${marker}\r\n`)],
    ['a bare CR in a header', get('/things/abc', `${host}A: 1\r${marker}\r\n`)],
    ['a NUL in a header', get('/things/abc', `${host}A: 1\0${marker}\r\n`)],
    ['no Host', get('/things/abc', '')],
    ['two Hosts', get('/things/abc', `${host}Host: ${marker}\r\n`)],
    ['an unknown method', `FOO /${marker} HTTP/1.1\r\n${host}\r\n`],
    ['HTTP/2 without being asked', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', Buffer.from('1603010200010001fc0303', 'hex')],
    ['words', `${marker}\r\n\r\n`],
  ])('%s: 400', async (_what, bytes) => {
    const handled = attacked.handled.length
    const answer = await sendRaw(attacked.port, bytes, true)
    await expectRefusal(answer, 400, 'malformed-request')
    expect(answer.rest).toBe('')
    expect(attacked.handled).toHaveLength(handled)
  })

  test('headers that are too large: 431', async () => {
    const answer = await sendRaw(attacked.port, get('/', `${host}A: ${marker.repeat(5_000)}\r\n`))
    await expectRefusal(answer, 431, 'headers-too-large')
  })

  test('an expectation that nobody meets: 417', async () => {
    const answer = await sendRaw(attacked.port, get('/', `${host}Expect: ${marker}\r\n`), true)
    await expectRefusal(answer, 417, 'expectation-failed')
  })

  test('what follows a request never takes the place of its answer', async () => {
    // Content-Length says less than was sent: the rest looks like a next request, and is none.
    const answer = await sendRaw(attacked.port, Buffer.concat([post(valid), post(marker)]), true)
    expect(answer.status).toBe(201)
    const both = await sendRaw(attacked.port, `${get('/deadline')}${marker}\r\n\r\n`, true)
    expect(both.status).toBe(200)
    expect(both.rest).toMatch(/^HTTP\/1\.1 400 Bad Request(.|\r\n)*malformed-request/)
    const body = `${get('/deadline')}${postChunked(`ZZ\r\n${marker}`)}`
    const broken = await sendRaw(attacked.port, body, true)
    expect(broken.status).toBe(200)
    expect(broken.rest).toMatch(/^HTTP\/1\.1 400 Bad Request(.|\r\n)*malformed-request/)
    expect(broken.tookMs).toBeLessThan(2 * limits.requestBudgetMs + 500)
  })
})

describe('a path or method that is not there', () => {
  test.each([
    ['another path', '/no-such-path', 404, 'not-found'],
    ['two slashes', `//${marker}`, 404, 'not-found'],
    ['a slash at the end', '/things/abc/', 404, 'not-found'],
    ['an encoded way up', '/things/..%2fabc', 404, 'not-found'],
    ['a parameter longer than any id', `/things/${marker.repeat(90)}`, 404, 'not-found'],
    ['an escape that is none', `/things/%zz${marker}`, 400, 'malformed-request'],
    ['an overlong encoding', `/things/%c0%af${marker}`, 400, 'malformed-request'],
    ['a NUL', '/things/%00', 404, 'not-found'],
    ['an id of another form', '/things/ABC-1', 404, 'not-found'],
    ['an unknown part of a query', `/things/abc?x=${marker}`, 400, 'validation-error'],
    ['one part of a query twice', '/things/abc?limit=1&limit=2', 400, 'validation-error'],
    ['a query of another type', `/things/abc?limit=${marker}`, 400, 'validation-error'],
    ['a query that nobody takes', `/deadline?x=${marker}`, 400, 'validation-error'],
    [
      'an escape in a query that is none',
      `/things/abc?limit=%zz${marker}`,
      400,
      'malformed-request',
    ],
    ['an overlong encoding in a query', '/things/abc?limit=%c0%af', 400, 'malformed-request'],
    ['no id', '/things/', 404, 'not-found'],
    ['an encoded slash', '/things/a%2Fb', 404, 'not-found'],
    ['dots', '/things/..', 404, 'not-found'],
    ['an id with a blank', '/things/%20abc', 404, 'not-found'],
  ])('%s is refused', async (_what, path, status, slug) => {
    await expectRefusal(await sendRaw(attacked.port, get(path)), status, slug)
  })

  // An integer in a query is written as JSON writes it, and in no other way that `Number` takes.
  test.each([
    '0x10',
    '%0a5',
    '1e1',
    '+5',
    '%2B5',
    '%205',
    '5%20',
    '5.0',
    '',
    '05',
    '0b1',
    '5_0',
    '٥',
    '５',
  ])('limit=%s is not an integer: 400', async text => {
    const path = `/things/abc?limit=${encodeURI(decodeURIComponent(text)).replace('+', '%2B')}`
    await expectRefusal(await sendRaw(attacked.port, get(path)), 400, 'validation-error')
  })

  test.each([
    'limit[]=5',
    'limit=5&limit=5',
    'limit=9007199254740993',
    'limit=--5',
    'LIMIT=5',
    'limit=true',
    'limit=null',
    'limit',
  ])('?%s: 400', async query => {
    const answer = await sendRaw(attacked.port, get(`/things/abc?${query}`))
    await expectRefusal(answer, 400, 'validation-error')
  })

  test.each(['5', '-5', '0', '999999999999999'])('limit=%s is that number', async text => {
    const answer = await sendRaw(attacked.port, get(`/things/abc?limit=${text}`))
    expect(answer.json).toEqual({ limit: Number(text) })
  })

  test.each([
    ['DELETE', '/things', 'POST'],
    ['TRACE', '/things', 'POST'],
    ['PUT', '/things/abc', 'GET, HEAD'],
    ['PATCH', '/things/abc?limit=1', 'GET, HEAD'],
  ])('%s %s: 405, and Allow says what would do', async (method, path, allow) => {
    const answer = await sendRaw(attacked.port, `${method} ${path} HTTP/1.1\r\n${host}\r\n`)
    await expectRefusal(answer, 405, 'method-not-allowed')
    expect(answer.headers['allow']).toBe(allow)
  })

  test('a wrong method is refused before its body is looked at', async () => {
    const head = `DELETE /things HTTP/1.1\r\n${host}${json}Content-Length: 0\r\n\r\n`
    await expectRefusal(await sendRaw(attacked.port, head), 405, 'method-not-allowed')
  })

  test('CONNECT: 405, and the connection ends', async () => {
    const bytes = `CONNECT ${marker}:443 HTTP/1.1\r\n${host}\r\n`
    await expectRefusal(await sendRaw(attacked.port, bytes, true), 405, 'method-not-allowed')
  })
})

describe('a body that is not what the route takes', () => {
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

test('who sends far too much can say all of it, and hears why it is refused', async () => {
  const socket = connect(attacked.port, '127.0.0.1')
  const failures: Error[] = []
  socket.on('error', error => failures.push(error))
  socket.write(post(Buffer.alloc(4 * 1024 * 1024, 'x')))
  const answer = await readAnswer(socket, true)
  await expectRefusal(answer, 413, 'payload-too-large')
  // A reset can overtake the answer: then all that the caller knows is that its connection broke.
  expect(failures).toEqual([])
})

describe('who is refused before its body was read can say all of it, and hears why', () => {
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

describe('a handler that fails', () => {
  test.each([
    'unexpected',
    'rejected-with-nothing',
    'rejected-with-text',
    'a-status-of-its-own',
    'another-shape',
  ])('%s: 500, which says nothing of what it was', async how => {
    const answer = await sendRaw(attacked.port, get(`/failures/${how}`))
    await expectRefusal(answer, 500, 'internal-error')
    expect(answer.body).not.toMatch(/secret|plan|undefined|required/)
    expect(linesOf(answer.json?.['instance'])[0]?.['level']).toBe('error')
  })

  test('the line of a failure says what it was', async () => {
    const answer = await sendRaw(attacked.port, get('/failures/unexpected'))
    await expectRefusal(answer, 500, 'internal-error')
    expect(linesOf(answer.json?.['instance'])[0]).toMatchObject({
      error: { message: 'the secret plan is in table plans' },
    })
  })

  test('a database that is away: 503, when to come back, and the cause in the log', async () => {
    const answer = await sendRaw(attacked.port, get('/failures/postgres-away'))
    await expectRefusal(answer, 503, 'unavailable')
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect(linesOf(answer.json?.['instance'])[0]).toMatchObject({ error: { code: 'ECONNREFUSED' } })
  })
})

describe.concurrent('every wait has an end', () => {
  const receivedMs = limits.receiveMs * 1.2 + 500
  /** Node gives a connection two looks before it calls it stalled. */
  const stalledMs = 2 * (limits.requestBudgetMs + 2_500) + 2_000

  test('a head that does not come to its end: 408', async () => {
    const answer = await sendRaw(attacked.port, `GET /things/abc HTTP/1.1\r\nA: ${marker}`, true)
    await expectRefusal(answer, 408, 'request-timeout')
    expect(answer.tookMs).toBeLessThan(receivedMs)
  })

  test('a body that does not come to its end: 408', async () => {
    const answer = await sendRaw(attacked.port, post(valid).subarray(0, -5), true)
    await expectRefusal(answer, 408, 'request-timeout')
    expect(answer.tookMs).toBeLessThan(receivedMs)
  })

  test('a connection that says nothing is closed, and is no request', async () => {
    const answer = await sendRaw(attacked.port, '', true)
    expect([answer.status, answer.rest, answer.closed]).toEqual([0, '', true])
    expect(answer.tookMs).toBeLessThan(receivedMs)
  })

  test('a caller who never reads is let go', async () => {
    const socket = connect(attacked.port, '127.0.0.1')
    socket.on('error', () => {}) // how it is let go
    socket.pause()
    socket.write(get('/large'))
    const lines = () => attacked.lines.filter(line => line['route'] === '/large')
    expect(await waitUntil(() => lines().length > 0, stalledMs)).toBe(true)
    expect(lines()).toEqual([expect.objectContaining({ status: 200, hungUp: true })])
    socket.destroy()
  })

  test("a handler is told how much is left of its budget, or of its caller's", async () => {
    const own = await sendRaw(attacked.port, get('/deadline'))
    expect(own.json?.['givenMs']).toBeLessThanOrEqual(limits.requestBudgetMs)
    expect(own.tookMs).toBeLessThan(limits.requestBudgetMs + 500)
    const headers = `${host}X-Request-Timeout-Ms: 50\r\n`
    const shorter = await sendRaw(attacked.port, get('/deadline', headers))
    expect(shorter.json?.['givenMs']).toBeLessThanOrEqual(50)
  })

  test('a handler that never ends: 503, and whether it was done is left open', async () => {
    const answer = await sendRaw(attacked.port, get('/failures/stuck'))
    await expectRefusal(answer, 503, 'unavailable')
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect(answer.json?.['detail']).toContain('may have been done or not')
    expect(answer.tookMs).toBeLessThan(limits.requestBudgetMs + 3_000)
  })
})

test('the labels of the measurements are templates and closed sets', async () => {
  const { values } = await attacked.metrics.httpRequestSeconds.get()
  const labels = (name: 'method' | 'route' | 'status') =>
    [...new Set(values.map(value => String(value.labels[name])))].sort()
  expect(labels('route')).toEqual([
    '/deadline',
    '/failures/:how',
    '/large',
    '/things',
    '/things/:thingId',
    'unmatched',
  ])
  for (const method of labels('method')) {
    expect(method).toMatch(/^(GET|POST|PUT|PATCH|DELETE|TRACE|CONNECT|unknown)$/)
  }
  for (const status of labels('status')) expect(status).toMatch(/^[245]\d\d$/)
  expect(await attacked.metrics.registry.metrics()).not.toContain(marker)
})
