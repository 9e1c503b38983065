import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { waitUntil } from '@nightshift/local/wait-until'
import { buildHttpServer } from '@nightshift/runtime/http/server'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { createMetrics } from '@nightshift/runtime/telemetry/metrics'
import { afterEach, describe, expect, test } from 'vitest'
import { leaveItToDefaults } from './naive.ts'
import { cutOffSlowClients } from './slow-clients.ts'
import type { TreatSlowClients } from './types.ts'

const limits = {
  requestBudgetMs: 30_000,
  receiveMs: 500,
  sendMs: 1_000,
  keepAliveMs: 30_000,
  bodyBytesMax: 1_024,
  connectionsMax: 8,
  acceptQueueMax: 16,
  connectionsFreeMin: 2,
} as const
const cutMs = 6_000
const pollMs = 10
/** More than the buffers between two processes of one machine hold. */
const large = Buffer.alloc(64 * 1024 * 1024)
const host = 'Host: nightshift.test\r\n'

let open = new AsyncDisposableStack()
afterEach(async () => {
  await open.disposeAsync()
  open = new AsyncDisposableStack()
})

async function openLab(treat: TreatSlowClients) {
  const metrics = createMetrics('slow')
  const app = await buildHttpServer({
    title: 'Slow',
    description: '',
    limits,
    log: openLog('slow', { write: () => {} }),
    metrics,
    slowClients: treat(limits, metrics.registry),
  })
  const finish = Promise.withResolvers<string>()
  const config = { public: true } as const
  app.get('/', { config }, async () => 'done')
  app.get('/long', { config }, () => finish.promise)
  app.get('/large', { config }, (_request, reply) => reply.send(large))
  app.post('/', { config }, async () => 'done')
  await app.listen({ host: '127.0.0.1', port: 0 })
  open.defer(() => app.close())
  const address = app.server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    finish: () => finish.resolve('done'),
    metrics: () => metrics.registry.metrics(),
    /** A client that has said this much. */
    say: async (text: string) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {}) // how it is let go
      open.defer(() => void socket.destroy())
      await once(socket, 'connect')
      socket.write(text)
      return socket
    },
    /** The status that a new client gets for a short request; 0 if there is no answer. */
    ask: () =>
      fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } }).then(
        ({ status }) => status,
        () => 0,
      ),
  }
}

/** Says one byte more again and again, as long as the connection is open. */
function dribble(socket: Socket): void {
  const timer = setInterval(() => socket.write('a'), 50)
  socket.once('close', () => clearInterval(timer))
}

/** Reads a little again and again, so that something moves all the time. */
function sip(socket: Socket): void {
  socket.pause()
  const timer = setInterval(() => socket.read(64 * 1024), 50)
  socket.once('close', () => clearInterval(timer))
}

const isCut = (socket: Socket) => waitUntil(() => socket.destroyed, cutMs, pollMs)

describe('a client is cut off although something moves all the time', () => {
  test('when it sends the head of a request byte by byte', async () => {
    const socket = await (await openLab(cutOffSlowClients)).say(`GET / HTTP/1.1\r\n${host}X-Slow: `)
    socket.resume()
    dribble(socket)
    expect(await isCut(socket)).toBe(true)
  })

  test('when it sends a body byte by byte', async () => {
    const head = `POST / HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"`
    const socket = await (await openLab(cutOffSlowClients)).say(head)
    socket.resume()
    dribble(socket)
    expect(await isCut(socket)).toBe(true)
  })

  test('when it reads an answer bit by bit', async () => {
    const { say, metrics } = await openLab(cutOffSlowClients)
    sip(await say(`GET /large HTTP/1.1\r\n${host}\r\n`))
    const isNoted = async () => /because="read too slowly".* 1$/m.test(await metrics())
    expect(await waitUntil(isNoted, cutMs, pollMs)).toBe(true)
  })
})

describe('when nearly all connections are taken', () => {
  test('the client that has been silent for longest makes room, and callers are served', async () => {
    const { say, ask } = await openLab(cutOffSlowClients)
    const first = await say('')
    first.resume()
    for (let taken = 1; taken < 2 * limits.connectionsMax; taken += 1) await say('')
    expect(await isCut(first)).toBe(true)
    for (let asked = 0; asked < 5; asked += 1) expect(await ask()).toBe(200)
  })

  test('a request at work is not cut off', async () => {
    const { say, finish } = await openLab(cutOffSlowClients)
    const working = await say(`GET /long HTTP/1.1\r\n${host}\r\n`)
    const answered = once(working, 'data')
    const silent = await Promise.all(
      Array.from({ length: 2 * limits.connectionsMax }, () => say('')),
    )
    for (const socket of silent) socket.resume()
    const someAreCut = () => silent.filter(({ destroyed }) => destroyed).length > 0
    expect(await waitUntil(someAreCut, cutMs, pollMs)).toBe(true)
    finish()
    expect(String(await answered)).toContain('200 OK')
  })
})

test('the naive version turns callers away as soon as silent clients have all connections', async () => {
  const { say, ask } = await openLab(leaveItToDefaults)
  for (let taken = 0; taken < limits.connectionsMax; taken += 1) await say('GET / HTTP/1.1\r\n')
  expect(await ask()).toBe(0)
})
