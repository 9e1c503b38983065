import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { call } from '@nightshift/load-tests/harness/test-client'
import { waitUntil } from '@nightshift/local/wait-until'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { limits } from '../../src/limits.ts'
import { paymentOf, validBody } from '../payment-of.ts'
import { type AttackedPayments, expectProblem, openAttackedPayments } from './attacked-payments.ts'
import { exchange } from './raw-http.ts'

const { receiveMs, connectionsMax, requestBudgetMs } = limits.http
/**
 * A busy machine needs longer than `receiveMs` to end a slow connection. A request with one byte
 * per second would take minutes, so this limit still shows whether the server has ended the
 * connection.
 */
const hangMs = receiveMs * 4
/**
 * A connection whose caller does not read ends after a time that is longer than any answer takes.
 */
const stalledMs = requestBudgetMs + 2_500 + 4_000
const oneByteEveryMs = 1_000
const manySockets = 500
const excess = 50

let attacked: AttackedPayments

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
})
afterAll(() => attacked[Symbol.asyncDispose]())

describe.concurrent('a slow caller', () => {
  const headEnd = (all: Buffer) => all.indexOf('\r\n\r\n') + 4
  test.each([
    ['stops in the body', (all: Buffer) => all.length - 5, false],
    ['never begins the body', headEnd, false],
    ['sends the head at a byte per second', () => 0, true],
    ['stops in the head', (all: Buffer) => headEnd(all) - 2, false],
    ['sends the body at a byte per second', headEnd, true],
  ])('who %s gets a 408, and the connection ends', async (_what, atOnce, goesOn) => {
    const all = attacked.write({ body: validBody() })
    const atOnceBytes = atOnce(all)
    const bytes = goesOn ? all : all.subarray(0, atOnceBytes)
    const { answers, tookMs } = await exchange(attacked.port, {
      bytes,
      atOnceBytes,
      byteEveryMs: oneByteEveryMs,
      untilClosed: true,
      withinMs: hangMs,
    })
    expect(answers).toHaveLength(1)
    if (answers[0]) expectProblem(answers[0], 408, 'request-timeout')
    expect(tookMs).toBeGreaterThan(receiveMs * 0.9)
  })

  test('who sends chunks at a byte per second gets a 408', async () => {
    const headers = { 'content-length': null, 'transfer-encoding': 'chunked' }
    const head = attacked.write({ headers })
    const bytes = Buffer.concat([head, Buffer.from('1\r\n \r\n'.repeat(100))])
    const { answers } = await exchange(attacked.port, {
      bytes,
      atOnceBytes: head.length,
      byteEveryMs: oneByteEveryMs,
      untilClosed: true,
      withinMs: hangMs,
    })
    expect(answers).toHaveLength(1)
    if (answers[0]) expectProblem(answers[0], 408, 'request-timeout')
  })

  test('who sends nothing gets no answer before the connection ends', async () => {
    const silent = { bytes: '', untilClosed: true, withinMs: hangMs }
    const { answers, rest, closed } = await exchange(attacked.port, silent)
    expect([answers, rest, closed]).toEqual([[], '', true])
  })

  test('has no more time for the second request than for the first', async () => {
    const get = { method: 'GET', target: `/v1/payments/${paymentOf().listingId}` }
    const first = attacked.write(get)
    const { answers } = await exchange(attacked.port, {
      bytes: Buffer.concat([first, first]),
      atOnceBytes: first.length + 10,
      byteEveryMs: oneByteEveryMs,
      untilClosed: true,
      withinMs: hangMs,
    })
    expect(answers.map(({ status }) => status)).toEqual([404, 408])
  })

  test('who never reads is disconnected, and does not cost memory', async () => {
    const before = await residentBytes()
    const one = attacked.write({
      method: 'GET',
      target: `/v1/payments/${paymentOf().listingId}`,
      headers: { authorization: null },
    })
    const flood = Buffer.concat(Array.from({ length: 50 }, () => one))
    const sockets = await Promise.all(Array.from({ length: 20 }, () => openSocket()))
    for (const socket of sockets) socket.pause()
    const ended = sockets.map(socket => new Promise(resolve => socket.once('close', resolve)))
    const sendTimer = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write(flood)
    }, 20)
    try {
      await within(stalledMs * 2, Promise.all(ended))
    } finally {
      clearInterval(sendTimer)
      for (const socket of sockets) socket.destroy()
    }
    expect((await residentBytes()) - before).toBeLessThan(128 * 1024 * 1024)
  })
})

describe('many connections', () => {
  test('of five hundred slow callers do not delay another caller', async () => {
    const sockets = await Promise.all(Array.from({ length: manySockets }, () => openSocket()))
    const head = attacked.write({ body: validBody() })
    let sent = 0
    const sendTimer = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write(head.subarray(sent, sent + 1))
      sent += 1
    }, oneByteEveryMs / 2)
    try {
      await attacked.payHonestly()
      for (let i = 0; i < 20; i += 1) expect((await lookUp()).status).toBe(404)
      // All slow callers are still connected, so they were not disconnected to make room.
      expect(sockets.filter(({ closed }) => closed)).toEqual([])
      const isCut = () => sockets.every(({ closed }) => closed)
      for (const socket of sockets) socket.resume()
      expect(await waitUntil(isCut, hangMs)).toBe(true)
    } finally {
      clearInterval(sendTimer)
      for (const socket of sockets) socket.destroy()
    }
  })

  test('beyond the maximum: the silent ones are closed first, and callers are served afterwards', async () => {
    const callers = await Promise.all(
      Array.from({ length: connectionsMax + excess }, () => openSocket()),
    )
    const served = new Set<Socket>()
    const request = attacked.write({ method: 'GET', headers: { authorization: null } })
    try {
      // A served caller gets an answer and stays connected. One that is closed before gets no bytes.
      for (const caller of callers) {
        caller.once('data', () => served.add(caller))
        caller.write(request)
      }
      const refused = () => callers.filter(caller => caller.closed && !served.has(caller))
      const isDecided = () => served.size + refused().length === callers.length
      expect(await waitUntil(isDecided, hangMs)).toBe(true)
      expect(served.size).toBeGreaterThan(0)
    } finally {
      for (const caller of callers) caller.destroy()
    }
    // These requests only read: a payment that loses its answer would be an effect that no test
    // knows.
    const serves = () =>
      lookUp().then(
        ({ status }) => status === 404,
        () => false,
      )
    expect(await waitUntil(serves, hangMs)).toBe(true)
    await attacked.payHonestly()
  })
})

test('in the end, only intended payments were charged', () => attacked.expectOnlyIntendedEffects())

async function openSocket(): Promise<Socket> {
  const socket = connect(attacked.port, '127.0.0.1')
  socket.on('error', () => {}) // a reset is one of the ways to disconnect a caller
  await once(socket, 'connect')
  return socket
}

function lookUp() {
  const headers = { authorization: `Bearer ${attacked.system.apiKeys.acme}` }
  const url = `${attacked.system.urls.payments}/v1/payments/${paymentOf().listingId}`
  return call('GET', url, { headers })
}

async function residentBytes(): Promise<number> {
  const { text } = await call('GET', `${attacked.system.urls.paymentsOperations}/metrics`)
  return Number(/^process_resident_memory_bytes\S* (\S+)$/m.exec(text)?.[1])
}

/** @throws when the work takes longer */
async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${timeoutMs} ms`)), timeoutMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
