import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { waitUntil } from '../../simulators/wait-until.ts'
import type { ToxicRequest } from '../src/proxy/toxic.ts'
import {
  type Backend,
  echo,
  makeDirectory,
  openBackend,
  openClient,
  type Rig,
  roundTrip,
  startRig,
} from './rig.ts'

let directory: Awaited<ReturnType<typeof makeDirectory>>
let rig: Rig
let backend: Backend
let counter = 0
let link: string

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

/** Opens a link to a backend, and answers the port for clients. */
async function openLinkTo(serve: (socket: Socket) => void): Promise<number> {
  counter += 1
  link = `link-${counter}`
  backend = await openBackend(serve)
  return rig.open(link, backend.port)
}

test('one direction of a connection can end while the other goes on', async () => {
  const port = await openLinkTo(socket => {
    socket.resume().on('end', () => socket.write('you are done, '))
  })
  const client = await openClient(port)
  client.socket.end('that was all')
  await waitUntil('the answer comes', () => client.text() === 'you are done, ')
  expect(client.ended()).toBe(false)
  backend.sockets[0]?.end('so am I')
  await waitUntil('both are done', client.closed)
  expect(client.text()).toBe('you are done, so am I')
  expect(client.error()).toBeUndefined()
})

test('an upstream that refuses closes the client', async () => {
  const port = await openLinkTo(echo)
  await backend.close()
  const client = await openClient(port)
  await waitUntil('it is closed', () => client.ended() || client.closed())
  backend = await openBackend(echo)
})

test('an RST from one side reaches the other side as an RST', async () => {
  const port = await openLinkTo(echo)
  const client = await openClient(port)
  await roundTrip(client, 'hello')
  backend.sockets[0]?.resetAndDestroy()
  await waitUntil('the client is reset', client.closed)
  expect(client.error()).toBe('ECONNRESET')

  const other = await openClient(port)
  await roundTrip(other, 'hello')
  other.socket.resetAndDestroy()
  await waitUntil('the backend is reset', () => backend.errors.length === 1)
  expect(backend.errors).toEqual(['ECONNRESET'])
})

test('a disabled link cuts its connections and refuses new ones until it is enabled', async () => {
  const port = await openLinkTo(echo)
  const client = await openClient(port)
  await roundTrip(client, 'hello')
  await rig.faults.disable(link)
  await waitUntil('it is cut', () => client.ended() || client.closed())
  const refused = await openClient(port)
  expect(refused.error()).toBe('ECONNREFUSED')
  await rig.faults.enable(link)
  await roundTrip(await openClient(port), 'hello again')
})

test('a hundred concurrent connections keep their bytes apart and in order', async () => {
  const port = await openLinkTo(echo)
  const jittery = { latency: 5, jitter: 5 }
  await rig.faults.addToxic(link, { type: 'latency', attributes: jittery })
  const slices = { average_size: 3_000, size_variation: 2_000, delay: 10 }
  await rig.faults.addToxic(link, { type: 'slicer', stream: 'upstream', attributes: slices })
  const sent = Array.from({ length: 100 }, () => randomBytes(20_000))
  const received = await Promise.all(
    sent.map(async bytes => {
      const client = await openClient(port)
      client.socket.end(bytes)
      await waitUntil('it is over', client.closed)
      return Buffer.concat(client.chunks)
    }),
  )
  expect(received.map((bytes, index) => bytes.equals(sent[index] ?? bytes))).not.toContain(false)
})

describe('a reader that stops reading stops the writer', () => {
  const offeredBytes = 96 * 1024 * 1024
  /** More than the kernel's buffers on both hops may take. */
  const acceptedBytesMax = 32 * 1024 * 1024
  const block = Buffer.alloc(64 * 1024)

  async function flood(socket: Socket): Promise<void> {
    for (let sent = 0; sent < offeredBytes && socket.writable; sent += block.length) {
      if (!socket.write(block)) await once(socket, 'drain')
    }
    socket.end()
  }

  /** How much the backend could write before it had to wait. */
  async function acceptedBytes(): Promise<number> {
    const [socket] = backend.sockets
    let seen = -1
    let sameFor = 0
    await waitUntil('the backend is stopped', () => {
      const now = (socket?.bytesWritten ?? 0) - (socket?.writableLength ?? 0)
      sameFor = now === seen && now > 0 ? sameFor + 1 : 0
      seen = now
      return sameFor === 20
    })
    return seen
  }

  test.each<ToxicRequest | undefined>([
    undefined,
    { type: 'latency', attributes: { latency: 50 } },
    { type: 'bandwidth', attributes: { rate: 1 } },
    { type: 'slicer', attributes: { average_size: 1_000 } },
    { type: 'reset_peer', attributes: { timeout: 600_000 } },
  ])('with %o', async toxic => {
    const port = await openLinkTo(socket => void flood(socket))
    if (toxic !== undefined) await rig.faults.addToxic(link, toxic)
    const client = await openClient(port)
    client.socket.pause()
    await waitUntil('the backend is reached', () => backend.sockets.length === 1)
    expect(await acceptedBytes()).toBeLessThan(acceptedBytesMax)

    await rig.faults.reset()
    client.socket.resume()
    await waitUntil('it goes on to the end', client.ended, 10_000)
    expect(client.socket.bytesRead).toBe(offeredBytes)
  })
})
