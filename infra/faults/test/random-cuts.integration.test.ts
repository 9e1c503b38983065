import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRandomSource, type RandomSource } from '../../simulators/random-source.ts'
import { waitUntil } from '../../simulators/wait-until.ts'
import { resetSocket } from '../src/proxy/link.ts'
import { openTcpProxy, type TcpProxy } from '../src/proxy/tcp-proxy.ts'
import type { Toxic } from '../src/proxy/toxic.ts'
import { type Backend, makeDirectory, openBackend, openClient, startRig } from './rig.ts'

/**
 * Clients and servers cut their connections at random moments and in every way there is, on links
 * with and without toxics that cut, too. The proxies run in this process, so that each socket that
 * stays open shows in Node's list of active resources.
 */

/** Write 10,000 here after a change of the proxy: they take half a minute. */
const exchanges = 1_000
const seed = 1
const atOnce = 40
const fewBytes = 100_000
const manyBytes = 8_000_000
const slowForMs = 10
const plenty = Buffer.alloc(manyBytes)
const testMs = 300_000
/** A connection that a toxic closed may be drained for 10 s. */
const drainedMs = 20_000

const toxic = <Type extends Toxic['type']>(
  type: Type,
  stream: Toxic['stream'],
  attributes: Extract<Toxic, { type: Type }>['attributes'],
) => ({ name: type, toxicity: 1, type, stream, attributes }) as Toxic

const toxicSets: readonly (readonly Toxic[])[] = [
  [],
  [toxic('reset_peer', 'downstream', { timeout: 1 })],
  [toxic('reset_peer', 'upstream', { timeout: 0 })],
  [
    toxic('limit_data', 'downstream', { bytes: 20_000 }),
    toxic('slow_close', 'upstream', { delay: 2 }),
  ],
  [toxic('timeout', 'downstream', { timeout: 2 })],
  [
    toxic('latency', 'downstream', { latency: 2, jitter: 2 }),
    toxic('reset_peer', 'upstream', { timeout: 2 }),
  ],
]

/** How one side of an exchange ends. */
const endings: readonly ((socket: Socket) => unknown)[] = [
  socket => socket.end(),
  socket => socket.destroy(),
  socket => socket.resetAndDestroy(),
  socket => socket.end(() => socket.destroy()),
  socket => socket.end(() => socket.resetAndDestroy()),
  socket => {
    socket.pause()
    socket.end(() => setImmediate(() => socket.destroy()))
  },
]

let backend: Backend
let proxies: TcpProxy[]
let random: RandomSource

beforeEach(async () => {
  random = createRandomSource(seed)
  backend = await openBackend(socket => behave(socket, random))
  proxies = toxicSets.map((toxics, index) => {
    const upstream = { host: '127.0.0.1', port: backend.port }
    const proxy = openTcpProxy(
      `cut-${index}`,
      { listen: { host: '127.0.0.1', port: 0 }, upstream },
      seed,
    )
    for (const toxic of toxics) proxy.addToxic(toxic)
    return proxy
  })
  await Promise.all(proxies.map(proxy => proxy.start()))
})

afterEach(async () => {
  await Promise.all(proxies.map(proxy => proxy.stop()))
  await backend.close()
})

/**
 * Writes some bytes, and ends in one of the ways: at once, or when the first bytes have come. One
 * side in ten gives more than the kernel takes, and one in five is slow to read, so that an end has
 * to wait behind bytes.
 */
function behave(socket: Socket, draw: RandomSource): void {
  const ending = endings[Math.floor(draw() * endings.length)]
  const bytes = Math.floor(draw() < 0.1 ? manyBytes : draw() ** 3 * fewBytes) + 1
  const isPatient = draw() < 0.5
  socket.on('error', () => undefined)
  socket.on('data', () => undefined)
  if (draw() < 0.2) {
    socket.pause()
    setTimeout(() => socket.resume(), draw() * slowForMs)
  }
  socket.write(plenty.subarray(0, bytes))
  if (isPatient) socket.once('data', () => ending?.(socket))
  else ending?.(socket)
  // A side that waits for bytes which a toxic holds ends when the other side has ended.
  socket.once('end', () => socket.end())
}

async function exchange(port: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const closed = new Promise(resolve => socket.once('close', resolve))
  socket.once('connect', () => behave(socket, random))
  socket.on('error', () => undefined)
  await closed
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
}

/** Vitest may have connections of its own. */
const ofVitest = openSockets()

test('a socket that is reset while its FIN is on its way closes all the same', async () => {
  const silent = await openBackend(socket => socket.pause())
  const { socket } = await openClient(silent.port)
  socket.end()
  resetSocket(socket)
  await silent.close()
  await waitUntil('no socket is open', () => openSockets() === ofVitest)
})

test(
  `no socket stays open after ${exchanges} exchanges that were cut at random`,
  async () => {
    const ports = proxies.map(proxy => proxy.settings().listen.port)
    const turns = Array.from({ length: exchanges }).keys()
    const worker = async () => {
      for (const turn of turns) await exchange(ports[turn % ports.length] ?? 0)
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    await waitUntil('no socket is open', () => openSockets() === ofVitest, drainedMs)
  },
  testMs,
)

test('SIGTERM ends the fault proxy within a second while connections are open and being cut', async () => {
  const directory = await makeDirectory()
  const rig = await startRig(directory.path)
  const ports: number[] = []
  for (const [index, toxics] of toxicSets.entries()) {
    ports.push(await rig.open(`cut-${index}`, backend.port))
    for (const toxic of toxics) await rig.faults.addToxic(`cut-${index}`, toxic)
  }
  const over = Promise.all(
    Array.from({ length: 20 * ports.length }, (_, turn) =>
      exchange(ports[turn % ports.length] ?? 0),
    ),
  )
  // These write and never read, so that both of their ends have bytes waiting at the signal.
  const stuck = await Promise.all(ports.map(port => openClient(port)))
  for (const { socket } of stuck) {
    socket.pause()
    socket.write(plenty)
  }
  const stoppedAt = performance.now()
  expect(await rig.stop()).toBe(0)
  expect(performance.now() - stoppedAt).toBeLessThan(1_000)
  for (const { socket } of stuck) socket.destroy()
  await over
  await directory.remove()
})
