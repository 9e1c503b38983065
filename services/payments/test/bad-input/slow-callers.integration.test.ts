import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { call } from '@nightshift/load-tests/harness/test-client'
import { waitUntil } from '@nightshift/local/wait-until'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { limits } from '../../src/limits.ts'
import { paymentOf, validBody } from '../payment-of.ts'
import { type AttackedPayments, expectProblem, openAttackedPayments } from './attacked-payments.ts'
import { converse } from './converse.ts'

const { receiveMs, connectionsMax, requestBudgetMs } = limits.http
/**
 * The server looks for those that are late five times in the time that they have. A busy machine takes
 * longer; who says a byte a second would take minutes, so that this still tells who is cut from who is not.
 */
const hangMs = receiveMs * 4
/** A caller who does not read is let go when nothing has moved for longer than any answer takes. */
const stalledMs = requestBudgetMs + 2_500 + 4_000
const oneByteEveryMs = 1_000
const manySockets = 500
const tooMany = 50

let attacked: AttackedPayments

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
})
afterAll(() => attacked[Symbol.asyncDispose]())

describe.concurrent('who is slow is not waited for', () => {
  const headEnd = (all: Buffer) => all.indexOf('\r\n\r\n') + 4
  test.each([
    [4, 'a body that stops', (all: Buffer) => all.length - 5, false],
    [4, 'a body that never begins', headEnd, false],
    [6, 'a head at a byte a second', () => 0, true],
    [6, 'a head that stops', (all: Buffer) => headEnd(all) - 2, false],
    [7, 'a body at a byte a second', headEnd, true],
  ])('#%i %s: 408, and the connection ends', async (_number, _what, atOnce, goesOn) => {
    const all = attacked.write({ body: validBody() })
    const atOnceBytes = atOnce(all)
    const bytes = goesOn ? all : all.subarray(0, atOnceBytes)
    const { answers, tookMs } = await converse(attacked.port, {
      ...{ bytes, atOnceBytes, byteEveryMs: oneByteEveryMs },
      ...{ untilClosed: true, withinMs: hangMs },
    })
    expect(answers).toHaveLength(1)
    if (answers[0]) expectProblem(answers[0], 408, 'request-timeout')
    expect(tookMs).toBeGreaterThan(receiveMs * 0.9)
  })

  test('#7 a body in chunks at a byte a second: 408', async () => {
    const headers = { 'content-length': null, 'transfer-encoding': 'chunked' }
    const head = attacked.write({ headers })
    const bytes = Buffer.concat([head, Buffer.from('1\r\n \r\n'.repeat(100))])
    const { answers } = await converse(attacked.port, {
      ...{ bytes, atOnceBytes: head.length, byteEveryMs: oneByteEveryMs },
      ...{ untilClosed: true, withinMs: hangMs },
    })
    expect(answers).toHaveLength(1)
    if (answers[0]) expectProblem(answers[0], 408, 'request-timeout')
  })

  test('#8 a connection that says nothing ends without an answer', async () => {
    const silent = { bytes: '', untilClosed: true, withinMs: hangMs }
    const { answers, rest, closed } = await converse(attacked.port, silent)
    expect([answers, rest, closed]).toEqual([[], '', true])
  })

  test('a first request does not buy time for a second', async () => {
    const get = { method: 'GET', target: `/v1/payments/${paymentOf().listingId}` }
    const first = attacked.write(get)
    const { answers } = await converse(attacked.port, {
      ...{ bytes: Buffer.concat([first, first]), atOnceBytes: first.length + 10 },
      ...{ byteEveryMs: oneByteEveryMs, untilClosed: true, withinMs: hangMs },
    })
    expect(answers.map(({ status }) => status)).toEqual([404, 408])
  })

  test('#9 callers who never read are let go, and take no memory with them', async () => {
    const before = await residentBytes()
    const one = attacked.write({
      method: 'GET',
      target: `/v1/payments/${paymentOf().listingId}`,
      headers: { authorization: null },
    })
    const flood = Buffer.concat(Array.from({ length: 50 }, () => one))
    const deaf = await Promise.all(Array.from({ length: 20 }, () => openSocket()))
    for (const socket of deaf) socket.pause()
    const ended = deaf.map(socket => new Promise(resolve => socket.once('close', resolve)))
    const talking = setInterval(() => {
      for (const socket of deaf) if (socket.writable) socket.write(flood)
    }, 20)
    try {
      await within(stalledMs * 2, Promise.all(ended))
    } finally {
      clearInterval(talking)
      for (const socket of deaf) socket.destroy()
    }
    expect((await residentBytes()) - before).toBeLessThan(128 * 1024 * 1024)
  })
})

describe('many connections', () => {
  test('#10 five hundred slow ones are not noticed by a caller who is not', async () => {
    const sockets = await Promise.all(Array.from({ length: manySockets }, () => openSocket()))
    const head = attacked.write({ body: validBody() })
    let said = 0
    const talking = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write(head.subarray(said, said + 1))
      said += 1
    }, oneByteEveryMs / 2)
    try {
      await attacked.payHonestly()
      for (let i = 0; i < 20; i += 1) expect((await lookUp()).status).toBe(404)
      // Not because they were let go: all of them are still at it.
      expect(sockets.filter(({ closed }) => closed)).toEqual([])
      const isCut = () => sockets.every(({ closed }) => closed)
      for (const socket of sockets) socket.resume()
      expect(await waitUntil(isCut, hangMs)).toBe(true)
    } finally {
      clearInterval(talking)
      for (const socket of sockets) socket.destroy()
    }
  })

  test('more than there is room for are turned away, and it serves again when they are gone', async () => {
    const callers = await Promise.all(
      Array.from({ length: connectionsMax + tooMany }, () => openSocket()),
    )
    const served = new Set<Socket>()
    const request = attacked.write({ method: 'GET', headers: { authorization: null } })
    try {
      // Who is answered stays, and keeps its place; who is turned away hears nothing.
      for (const caller of callers) {
        caller.once('data', () => served.add(caller))
        caller.write(request)
      }
      const turnedAway = () => callers.filter(caller => caller.closed && !served.has(caller))
      const isDecided = () => served.size + turnedAway().length === callers.length
      expect(await waitUntil(isDecided, hangMs)).toBe(true)
      expect(turnedAway().length).toBeGreaterThanOrEqual(tooMany)
      expect(served.size).toBeGreaterThan(0)
    } finally {
      for (const caller of callers) caller.destroy()
    }
    // Looked up and not paid: of a payment that loses its answer, nobody here would know.
    const serves = () =>
      lookUp().then(
        ({ status }) => status === 404,
        () => false,
      )
    expect(await waitUntil(serves, hangMs)).toBe(true)
    await attacked.payHonestly()
  })
})

test('after all of these, only what was meant was charged', () => attacked.expectOnlyWhatWasMeant())

async function openSocket(): Promise<Socket> {
  const socket = connect(attacked.port, '127.0.0.1')
  socket.on('error', () => {}) // a reset is one of the ways in which it is let go
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

/** @throws when it takes longer: a hang */
async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${timeoutMs} ms`)), timeoutMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
