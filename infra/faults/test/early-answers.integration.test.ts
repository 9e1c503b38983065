import { createHash, randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { waitUntil } from '../../simulators/wait-until.ts'
import { unacknowledgedBytes } from '../src/proxy/kernel-bytes.ts'
import {
  type Backend,
  type Client,
  makeDirectory,
  openBackend,
  openClient,
  type Rig,
  startRig,
} from './rig.ts'

/**
 * A server may answer before it has read the body, for example to refuse a media type, and close the
 * connection: with a FIN, or with an RST because bytes were unread. The answer was sent before the
 * cut, so the client has to get it. RFC 9112, 9.6 describes the reset that erases an unread answer.
 */

const exchanges = 100
const atOnce = 5
const answer = `HTTP/1.1 415 Unsupported Media Type\r\nconnection: close\r\n\r\n`
const overMs = 20_000
/** A test makes 200 exchanges while other tests run. */
const testMs = 60_000

let directory: Awaited<ReturnType<typeof makeDirectory>>
let rig: Rig
let backend: Backend
let link: string
let counter = 0

beforeAll(async () => {
  directory = await makeDirectory()
  rig = await startRig(directory.path)
})

afterAll(async () => {
  await rig.stop()
  await directory.remove()
})

afterEach(async () => {
  await rig.remove(link)
  await backend.close()
})

async function openLinkTo(serve: (socket: Socket) => void): Promise<number> {
  counter += 1
  link = `early-${counter}`
  backend = await openBackend(serve)
  return rig.open(link, backend.port)
}

/** How many of the exchanges ended with the whole answer. */
async function answered(port: number, body: Buffer): Promise<number> {
  let whole = 0
  const begun = Array.from({ length: exchanges }).keys()
  const worker = async () => {
    for (const _ of begun) if ((await send(port, body)).text() === answer) whole += 1
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return whole
}

/** Sends as much as the server takes, and waits until the connection is over. */
async function send(port: number, body: Buffer): Promise<Client> {
  const client = await openClient(port)
  client.socket.write(body)
  await waitUntil('it is over', () => client.ended() || client.closed(), overMs)
  client.socket.destroy()
  return client
}

const cuts: Readonly<Record<string, (socket: Socket) => void>> = {
  'closes with bytes unread': socket => socket.end(answer, () => socket.destroy()),
  'sends an RST': socket => socket.write(answer, () => socket.resetAndDestroy()),
  'sends a FIN, and reads no more': socket => socket.end(answer),
  'sends a FIN, and an RST soon after': socket =>
    socket.end(answer, () => setImmediate(() => socket.resetAndDestroy())),
}

const cases = Object.keys(cuts).flatMap(cut =>
  [90_000, 400_000, 2_000_000].map(bytes => ({ cut, bytes })),
)

test.each(cases)(
  'an answer to $bytes bytes from a server that $cut arrives as often as without the proxy',
  async ({ cut, bytes }) => {
    const port = await openLinkTo(socket => {
      socket.once('data', () => {
        socket.pause()
        cuts[cut]?.(socket)
      })
    })
    const body = randomBytes(bytes)
    const direct = await answered(backend.port, body)
    expect(direct, 'the test itself has to get answers').toBeGreaterThan(exchanges / 2)
    expect(await answered(port, body)).toBeGreaterThanOrEqual(direct)
  },
  testMs,
)

test('a slow reader gets a large answer whole, although its sender was reset', async () => {
  const large = randomBytes(600_000)
  const port = await openLinkTo(socket => {
    socket.resume()
    socket.write(large)
  })
  const client = await openClient(port)
  client.socket.pause()
  await waitUntil('the sender has given all', async () => {
    const [sender] = backend.sockets
    // What the kernel has not sent yet would be lost with the reset.
    return sender?.writableLength === 0 && (await unacknowledgedBytes(sender)) === 0
  })
  backend.sockets[0]?.resetAndDestroy()
  client.socket.resume()
  await waitUntil('it is over', () => client.ended() || client.closed(), overMs)
  expect(client.socket.bytesRead).toBe(large.length)
  expect(digestOf(Buffer.concat(client.chunks))).toBe(digestOf(large))
})

test('a latency toxic keeps an answer ahead of the RST behind it', async () => {
  const port = await openLinkTo(socket => {
    socket.once('data', () => socket.write(answer, () => socket.resetAndDestroy()))
  })
  await rig.faults.addToxic(link, { type: 'latency', attributes: { latency: 100 } })
  const client = await send(port, Buffer.from('a request'))
  expect(client.text()).toBe(answer)
  expect(client.error()).toBe('ECONNRESET')
})

test('the bytes that a client sent before its reset reach the server before the RST', async () => {
  const sent = randomBytes(30_000)
  const got: Buffer[] = []
  const port = await openLinkTo(socket => socket.on('data', chunk => got.push(chunk)))
  const client = await openClient(port)
  client.socket.write(sent, () => client.socket.resetAndDestroy())
  await waitUntil('the server was reset', () => backend.errors.length === 1)
  expect(backend.errors).toEqual(['ECONNRESET'])
  expect(digestOf(Buffer.concat(got))).toBe(digestOf(sent))
})

test('no connection stays open after these cuts, so the proxy ends at once at SIGTERM', async () => {
  const own = await startRig(directory.path, { FAULT_LOG: `${directory.path}/own.jsonl` })
  backend = await openBackend(socket => {
    socket.once('data', () => socket.end(answer, () => socket.destroy()))
  })
  const port = await own.open('own', backend.port)
  const body = randomBytes(400_000)
  await Promise.all(Array.from({ length: 50 }, () => send(port, body)))
  const stoppedAt = performance.now()
  expect(await own.stop()).toBe(0)
  expect(performance.now() - stoppedAt).toBeLessThan(1_000)
})

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
