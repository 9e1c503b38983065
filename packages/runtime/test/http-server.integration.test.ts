import { connect } from 'node:net'
import { waitUntil } from '@nightshift/local/wait-until'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AttackedApp, limits, openAttackedApp } from './attacked-app.ts'
import { get, host, json, marker, post, postChunked, refusalsOf, valid } from './attacks.ts'
import { sendRaw } from './raw-http.ts'

let attacked: AttackedApp

beforeAll(async () => {
  attacked = await openAttackedApp()
})
afterAll(() => attacked.app.close())

const { linesOf, expectRefusal } = refusalsOf(() => attacked)

test('a well-formed request is handled, and leaves one line', async () => {
  const before = attacked.lines.length
  const answer = await sendRaw(attacked.port, post(valid))
  expect(answer.status).toBe(201)
  expect(answer.json).toEqual(JSON.parse(valid))
  await waitUntil(() => attacked.lines.length > before, 2_000, 5)
  expect(attacked.lines.slice(before)).toEqual([
    expect.objectContaining({ method: 'POST', route: '/things', status: 201 }),
  ])
})

describe('bytes that are no HTTP are refused, and the connection ends', () => {
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

  test('an unknown expectation: 417', async () => {
    const answer = await sendRaw(attacked.port, get('/', `${host}Expect: ${marker}\r\n`), true)
    await expectRefusal(answer, 417, 'expectation-failed')
  })

  test('bytes behind a request never take the place of its answer', async () => {
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

  test('a wrong method is refused before its body is read', async () => {
    const head = `DELETE /things HTTP/1.1\r\n${host}${json}Content-Length: 0\r\n\r\n`
    await expectRefusal(await sendRaw(attacked.port, head), 405, 'method-not-allowed')
  })

  test('CONNECT: 405, and the connection ends', async () => {
    const bytes = `CONNECT ${marker}:443 HTTP/1.1\r\n${host}\r\n`
    await expectRefusal(await sendRaw(attacked.port, bytes, true), 405, 'method-not-allowed')
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

  test('the log line of a failure names the error', async () => {
    const answer = await sendRaw(attacked.port, get('/failures/unexpected'))
    await expectRefusal(answer, 500, 'internal-error')
    expect(linesOf(answer.json?.['instance'])[0]).toMatchObject({
      error: { message: 'the secret plan is in table plans' },
    })
  })

  test('a database that is away: 503 with Retry-After, and the cause in the log', async () => {
    const answer = await sendRaw(attacked.port, get('/failures/postgres-away'))
    await expectRefusal(answer, 503, 'unavailable')
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect(linesOf(answer.json?.['instance'])[0]).toMatchObject({ error: { code: 'ECONNREFUSED' } })
  })
})

test('a process that is behind refuses a request before it reads its body', async () => {
  const behind = { status: 503, slug: 'overloaded', title: 'Behind', retryAfterSeconds: 2 }
  let isBehind = true
  const busy = await openAttackedApp({
    entrance: {
      watch: () => {},
      refuse: () => (isBehind ? behind : undefined),
      answered: () => {},
    },
  })
  const refusal = await sendRaw(busy.port, post(`${marker} is no JSON`))
  await refusalsOf(() => busy).expectRefusal(refusal, 503, 'overloaded')
  expect(refusal.headers['retry-after']).toBe('2')
  expect(busy.handled).toEqual([])
  isBehind = false
  expect((await sendRaw(busy.port, post(valid))).status).toBe(201)
  await busy.app.close()
})

describe.concurrent('every wait has an end', () => {
  const receivedMs = limits.receiveMs * 1.2 + 500
  /** Node gives a connection two looks before it calls it stalled. */
  const stalledMs = 2 * (limits.requestBudgetMs + 2_500) + 2_000

  test('a head that never ends: 408', async () => {
    const answer = await sendRaw(attacked.port, `GET /things/abc HTTP/1.1\r\nA: ${marker}`, true)
    await expectRefusal(answer, 408, 'request-timeout')
    expect(answer.tookMs).toBeLessThan(receivedMs)
  })

  test('a body that never ends: 408', async () => {
    const answer = await sendRaw(attacked.port, post(valid).subarray(0, -5), true)
    await expectRefusal(answer, 408, 'request-timeout')
    expect(answer.tookMs).toBeLessThan(receivedMs)
  })

  test('a connection without a request is closed, and leaves no line', async () => {
    const answer = await sendRaw(attacked.port, '', true)
    expect([answer.status, answer.rest, answer.closed]).toEqual([0, '', true])
    expect(answer.tookMs).toBeLessThan(receivedMs)
  })

  test('a caller that never reads is disconnected', async () => {
    const socket = connect(attacked.port, '127.0.0.1')
    socket.on('error', () => {}) // how it is let go
    socket.pause()
    socket.write(get('/large'))
    const lines = () => attacked.lines.filter(line => line['route'] === '/large')
    expect(await waitUntil(() => lines().length > 0, stalledMs)).toBe(true)
    expect(lines()).toEqual([expect.objectContaining({ status: 200, hungUp: true })])
    socket.destroy()
  })

  test("a handler gets the rest of its budget, or of its caller's", async () => {
    const own = await sendRaw(attacked.port, get('/deadline'))
    expect(own.json?.['givenMs']).toBeLessThanOrEqual(limits.requestBudgetMs)
    expect(own.tookMs).toBeLessThan(limits.requestBudgetMs + 500)
    const headers = `${host}X-Request-Timeout-Ms: 50\r\n`
    const shorter = await sendRaw(attacked.port, get('/deadline', headers))
    expect(shorter.json?.['givenMs']).toBeLessThanOrEqual(50)
  })

  test.each([
    ['without a body', get('/failures/stuck')],
    ['with a body, which has long been read', post('{}', json, '/failures/stuck')],
  ])('a handler that never ends: 503, which leaves the outcome open, %s', async (_what, bytes) => {
    const answer = await sendRaw(attacked.port, bytes)
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
