import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { findFreePorts } from '@nightshift/local/ports/free-ports'
import { waitUntil } from '@nightshift/local/wait-until'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { noBulkhead } from '../src/bulkhead/naive.ts'
import { circuitBreaker } from '../src/circuit-breaker/circuit-breaker.ts'
import type { CircuitBreakerLogEvent } from '../src/circuit-breaker/log-events.ts'
import { dependencyMetrics } from '../src/circuit-breaker/metrics.ts'
import { lagAwareTimer } from '../src/local-stall/local-stall.ts'
import { outboundCall } from '../src/outbound-call/outbound-call.ts'
import { neverRepeat } from '../src/retry-budget/never.ts'
import { type HttpClient, openHttpClient } from '../src/unknown-outcome/http-client.ts'

const clientLimits = { connectionsMax: 2, connectMs: 500, answerBytesMax: 1_000 }
const patienceMs = 5_000

/** The other side, as bytes: what it received, and which callers are still connected. */
type OtherSide = { port: number; heard: string[]; open: Set<Socket> }

let open: AsyncDisposableStack

beforeEach(() => {
  open = new AsyncDisposableStack()
})
afterEach(() => open.disposeAsync())

/** A server that answers every piece that it receives like this. */
async function otherSide(answer: (socket: Socket, heard: string) => void): Promise<OtherSide> {
  const heard: string[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {}) // resets are the matter of these tests
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', chunk => {
      heard.push(String(chunk))
      answer(socket, String(chunk))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.defer(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('it does not listen')
  return { port: address.port, heard, open: sockets }
}

function clientOf(port: number): HttpClient {
  const client = openHttpClient(`http://127.0.0.1:${port}`, clientLimits, lagAwareTimer)
  open.defer(() => client.close())
  return client
}

function get(client: HttpClient, budgetMs = 2_000, path = '/') {
  return client.call({ method: 'GET', path, deadline: deadlineIn(budgetMs) })
}

function httpAnswer(body: string, status = '200 OK', headers = ''): string {
  return `HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\n${headers}\r\n${body}`
}

const hang = () => {}

describe('an answer', () => {
  test('is returned as it came, whatever the status', async () => {
    const { port, heard } = await otherSide(socket =>
      socket.write(httpAnswer('gone', '410 Gone', 'x-reason: old\r\n')),
    )
    const answer = await clientOf(port).call({
      method: 'POST',
      path: '/things',
      headers: { 'idempotency-key': 'key-1' },
      body: 'a=1',
      deadline: deadlineIn(2_000),
    })
    expect(answer).toMatchObject({
      kind: 'answer',
      status: 410,
      headers: { 'x-reason': 'old' },
      body: 'gone',
    })
    expect(heard.join()).toMatch(/^POST \/things HTTP\/1.1\r\n(.|\r\n)*idempotency-key: key-1/)
    expect(heard.join()).toMatch(/\r\n\r\na=1$/)
  })

  test('that redirects is not followed', async () => {
    const moved = httpAnswer('', '302 Found', 'location: http://169.254.169.254/\r\n')
    const { port, heard } = await otherSide(socket => socket.write(moved))
    expect(await get(clientOf(port))).toMatchObject({ kind: 'answer', status: 302 })
    expect(heard).toHaveLength(1)
  })

  test('is asked for with the remaining time', async () => {
    const { port, heard } = await otherSide(socket => socket.write(httpAnswer('')))
    await get(clientOf(port), 1_234)
    const told = Number(/x-request-timeout-ms: (\d+)/.exec(heard.join())?.[1])
    expect(told).toBeGreaterThan(0)
    expect(told).toBeLessThanOrEqual(1_234)
  })
})

describe('not sent: no byte left this process', () => {
  test('a connection that is refused', async () => {
    const [port = 0] = await findFreePorts(1)
    expect((await get(clientOf(port))).kind).toBe('not-sent')
  })

  test('a deadline that has passed, even with a connection at hand', async () => {
    const { port, heard } = await otherSide(socket => socket.write(httpAnswer('')))
    const client = clientOf(port)
    expect((await get(client)).kind).toBe('answer')
    for (const budgetMs of [0, -5]) {
      expect((await get(client, budgetMs, '/too-late')).kind).toBe('not-sent')
    }
    // Bytes of an earlier request would arrive before these.
    expect((await get(client)).kind).toBe('answer')
    expect(heard.join()).not.toContain('/too-late')
  })

  test('a deadline that passes in the queue for a connection', async () => {
    const { port, heard } = await otherSide(hang)
    const client = clientOf(port)
    const holding = Array.from({ length: clientLimits.connectionsMax }, () => get(client))
    expect(await waitUntil(() => heard.length === holding.length, patienceMs, 5)).toBe(true)
    expect((await get(client, 50, '/queued')).kind).toBe('not-sent')
    expect(heard.join()).not.toContain('/queued')
    await client.close()
    await Promise.all(holding)
  })
})

describe('unknown: bytes were written, and no usable answer came', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['a reset', socket => socket.resetAndDestroy()],
    ['an end without an answer', socket => socket.end()],
    ['half an answer', socket => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf')],
    ['what is not HTTP', socket => socket.end('hello\r\n\r\n')],
    ['an answer that is too large', socket => socket.write(httpAnswer('x'.repeat(1_001)))],
    [
      'a large answer that does not say so',
      socket => {
        const chunk = 'x'.repeat(600)
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
        socket.write(`258\r\n${chunk}\r\n258\r\n${chunk}\r\n0\r\n\r\n`)
      },
    ],
  ])('%s', async (_what, answer) => {
    const { port, heard } = await otherSide(answer)
    expect((await get(clientOf(port))).kind).toBe('unknown')
    expect(heard).toHaveLength(1)
  })

  test('silence until the deadline, and the other side sees that the caller has left', async () => {
    const { port, heard, open: callers } = await otherSide(hang)
    const startedMs = performance.now()
    const answer = await get(clientOf(port), 100)
    expect(answer.kind).toBe('unknown')
    expect(performance.now() - startedMs).toBeLessThan(1_000)
    expect(heard).toHaveLength(1)
    expect(await waitUntil(() => callers.size === 0, patienceMs, 5)).toBe(true)
  })

  test('an answer that drips does not outlast the deadline', async () => {
    const { port } = await otherSide(socket => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n')
      const drip = setInterval(() => socket.write('x'), 10)
      socket.on('close', () => clearInterval(drip))
    })
    const startedMs = performance.now()
    expect((await get(clientOf(port), 150)).kind).toBe('unknown')
    expect(performance.now() - startedMs).toBeLessThan(1_000)
  })

  test('the close of the client ends what is under way', async () => {
    const { port, heard } = await otherSide(hang)
    const client = clientOf(port)
    const answer = get(client, 10_000)
    expect(await waitUntil(() => heard.length === 1, patienceMs, 5)).toBe(true)
    await client.close()
    expect((await answer).kind).toBe('unknown')
  })
})

test('a slow call that is given up does not cancel a healthy one', async () => {
  const waiting: Socket[] = []
  const { port, heard } = await otherSide((socket, chunk) => {
    if (chunk.includes('/healthy')) waiting.push(socket)
  })
  const client = clientOf(port)
  const healthy = get(client, 3_000, '/healthy')
  expect(await waitUntil(() => waiting.length === 1, patienceMs, 5)).toBe(true)
  expect((await get(client, 50, '/slow')).kind).toBe('unknown')
  expect(heard).toHaveLength(2)
  waiting[0]?.write(httpAnswer('fine'))
  expect(await healthy).toMatchObject({ kind: 'answer', body: 'fine' })
})

test('a dependency that goes silent opens the breaker, and one that is back closes it', async () => {
  let silent = true
  const { port, heard } = await otherSide(socket => {
    if (!silent) socket.write(httpAnswer('back'))
  })
  const client = clientOf(port)
  const limits = {
    attemptMs: 500,
    attemptMinMs: 10,
    breakerWindowMs: 10_000,
    breakerVolumeMin: 3,
    breakerFailurePercent: 50,
    breakerOpenMs: 100,
    breakerProbeMs: 2_000,
  }
  const log = openLog<CircuitBreakerLogEvent>('test', { write: () => {} })
  const metrics = dependencyMetrics(new Registry())
  const breaker = circuitBreaker('other-side', limits, log, metrics)
  const call = outboundCall({
    dependency: 'other-side',
    limits,
    retries: neverRepeat(),
    breaker,
    bulkhead: noBulkhead(),
    log,
    metrics,
  })
  const ask = () =>
    call('ask', deadlineIn(2_000), async deadline => {
      const answer = await client.call({ method: 'GET', path: '/', deadline })
      return answer.kind === 'answer' ? { kind: 'ok', value: answer.body } : answer
    })
  for (let i = 0; i < limits.breakerVolumeMin; i++) expect((await ask()).kind).toBe('unknown')
  const asked = heard.length
  expect((await ask()).kind).toBe('not-sent')
  expect(heard).toHaveLength(asked)
  silent = false
  expect(await waitUntil(async () => (await ask()).kind === 'ok', patienceMs, 20)).toBe(true)
  expect(await ask()).toEqual({ kind: 'ok', value: 'back' })
})
