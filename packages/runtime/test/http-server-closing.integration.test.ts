import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { waitUntil } from '@nightshift/local/wait-until'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { buildOperationsServer } from '../src/http/operations-server.ts'
import { type AttackedApp, limits, openAttackedApp } from './attacked-app.ts'
import { readAnswer } from './raw-http.ts'

const host = 'Host: nightshift\r\n'
/** What is still being handled at the close may take its budget, and a little. */
const drainedMs = limits.requestBudgetMs + 1_000
/** Nothing is waited for, not even the time that others may still be busy. */
const atOnceMs = limits.requestBudgetMs
const patienceMs = 5_000

let attacked: AttackedApp
let sockets: Socket[]

beforeEach(async () => {
  sockets = []
  attacked = await openAttackedApp()
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await attacked.app.close()
})

/** A connection that the server has accepted, and on which this much was said. */
async function say(bytes: string, port = attacked.port): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}) // a reset is one of the ways in which a server lets go
  sockets.push(socket)
  await once(socket, 'connect')
  if (bytes) socket.write(bytes)
  return socket
}

async function closeMs(server: { close: () => PromiseLike<unknown> }): Promise<number> {
  const startedMs = performance.now()
  await server.close()
  return performance.now() - startedMs
}

async function untilAccepted(count: number) {
  const ask = () =>
    new Promise<number>((resolve, reject) => {
      attacked.app.server.getConnections((error, open) => (error ? reject(error) : resolve(open)))
    })
  expect(await waitUntil(async () => (await ask()) === count, patienceMs, 5)).toBe(true)
}

const deadline = `GET /deadline HTTP/1.1\r\n${host}\r\n`

describe('a server that closes', () => {
  test.each([
    ['that has not said anything yet', ''],
    ['in the middle of its first head', `GET / HTTP/1.1\r\nA: `],
  ])('does not wait for a connection %s', async (_what, bytes) => {
    await say(bytes)
    await untilAccepted(1)
    expect(await closeMs(attacked.app)).toBeLessThan(atOnceMs)
  })

  test('answers the request that it handles, and then ends the connection', async () => {
    const socket = await say(deadline)
    const answer = readAnswer(socket, true)
    await waitUntil(() => attacked.atWork() > 0, patienceMs, 5)
    expect(await closeMs(attacked.app)).toBeLessThan(drainedMs)
    expect(await answer).toMatchObject({ status: 200, headers: { connection: 'close' } })
  })

  test('ends each connection with its next answer when it has said that it will stop', async () => {
    const request = `GET /things/abc HTTP/1.1\r\n${host}\r\n`
    const before = await say(request)
    expect((await readAnswer(before)).headers['connection']).toBe('keep-alive')
    attacked.app.endAfterAnswers()
    before.write(request)
    expect(await readAnswer(before, true)).toMatchObject({
      status: 200,
      headers: { connection: 'close' },
    })
  })

  test('does not wait for an idle connection', async () => {
    const socket = await say(`GET /things/abc HTTP/1.1\r\n${host}\r\n`)
    expect((await readAnswer(socket)).headers['connection']).toBe('keep-alive')
    expect(await closeMs(attacked.app)).toBeLessThan(drainedMs)
  })

  test.each([
    [
      'a body that does not come',
      `POST /things HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{`,
    ],
    ['a handler that never ends', `GET /failures/stuck HTTP/1.1\r\n${host}\r\n`],
  ])('does not wait for %s any longer than for others', async (_what, bytes) => {
    await say(bytes)
    await waitUntil(() => attacked.atWork() > 0, patienceMs, 5)
    expect(await closeMs(attacked.app)).toBeLessThan(drainedMs)
  })

  test('on the operations port does the same', async () => {
    const operations = buildOperationsServer(attacked.metrics.registry, {
      isLive: () => true,
      isReady: () => true,
    })
    await operations.listen({ host: '127.0.0.1', port: 0 })
    const address = operations.server.address() as { port: number }
    const socket = await say(`GET /health/ready HTTP/1.1\r\n${host}\r\n`, address.port)
    expect((await readAnswer(socket)).status).toBe(200)
    await say('', address.port)
    expect(await closeMs(operations)).toBeLessThan(drainedMs)
  })
})

describe('a caller that hangs up', () => {
  test('while it is handled leaves one line, when its handler ends', async () => {
    const socket = await say(deadline)
    await waitUntil(() => attacked.atWork() > 0, patienceMs, 5)
    socket.destroy()
    expect(await waitUntil(() => attacked.lines.length > 0, patienceMs, 5)).toBe(true)
    expect(attacked.lines).toEqual([
      expect.objectContaining({ event: 'http.request', route: '/deadline', hungUp: true }),
    ])
    expect(attacked.lines[0]?.['durationMs']).toBeGreaterThan(limits.requestBudgetMs / 2)
  })

  test('in the middle of a body leaves one line', async () => {
    const socket = await say(
      `POST /things HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{`,
    )
    await waitUntil(() => attacked.atWork() > 0, patienceMs, 5)
    socket.destroy()
    expect(await waitUntil(() => attacked.lines.length > 0, patienceMs, 5)).toBe(true)
    expect(attacked.lines).toEqual([
      expect.objectContaining({ event: 'http.request', route: '/things', status: 400 }),
    ])
  })
})
