import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { withToken } from '../../simulators/start-simulator.ts'
import { waitUntil } from '../../simulators/wait-until.ts'
import {
  type Backend,
  type Client,
  echo,
  makeDirectory,
  openBackend,
  openClient,
  type Rig,
  roundTrip,
  startRig,
} from './rig.ts'

/** Timers may fire a little early by the clock of the test. */
const earlyMs = 3
/** How late a busy machine may be. */
const lateMs = 400
/** Long enough to show that nothing arrives. */
const patienceMs = 150
const forEverMs = 600_000
const streams = ['upstream', 'downstream'] as const

let directory: Awaited<ReturnType<typeof makeDirectory>>
let rig: Rig
let backend: Backend
let clients: Client[] = []
let counter = 0
/** The proxy of the current test, to a backend that echoes. */
let link: string
let port: number

beforeAll(async () => {
  directory = await makeDirectory()
  rig = await startRig(directory.path)
})

afterAll(async () => {
  await rig.stop()
  await directory.remove()
})

beforeEach(async () => {
  counter += 1
  link = `link-${counter}`
  backend = await openBackend(echo)
  port = await rig.open(link, backend.port)
})

afterEach(async () => {
  for (const { socket } of clients) socket.destroy()
  clients = []
  await rig.remove(link)
  await backend.close()
})

async function connectClient(): Promise<Client> {
  const client = await openClient(port)
  clients.push(client)
  return client
}

/** Resolves when the time has passed without the condition coming true. */
async function expectNever(what: string, happens: () => boolean): Promise<void> {
  await expect(waitUntil(what, happens, patienceMs)).rejects.toThrow('in vain')
}

describe.each(streams)('%s', stream => {
  test('latency delays every byte until it is removed', async () => {
    const client = await connectClient()
    const attributes = { latency: 100, jitter: 0 }
    const { name } = await rig.faults.addToxic(link, { type: 'latency', stream, attributes })
    const elapsedMs = await roundTrip(client, 'slow')
    expect(elapsedMs).toBeGreaterThan(100 - earlyMs)
    expect(elapsedMs).toBeLessThan(100 + lateMs)
    await rig.faults.removeToxic(link, name)
    expect(await roundTrip(client, 'fast')).toBeLessThan(100)
  })

  test('jitter never changes the order', async () => {
    const attributes = { latency: 10, jitter: 10 }
    await rig.faults.addToxic(link, { type: 'latency', stream, attributes })
    const client = await connectClient()
    const words = Array.from({ length: 300 }, (_, index) => `${index};`)
    for (const word of words) {
      client.socket.write(word)
      await nextTurn()
    }
    const sent = words.join('')
    await waitUntil('all is back', () => client.text().length === sent.length)
    expect(client.text()).toBe(sent)
  })

  test('bandwidth spreads bytes evenly over time', async () => {
    const rate = 100
    const bytes = 50_000
    await rig.faults.addToxic(link, { type: 'bandwidth', stream, attributes: { rate } })
    const client = await connectClient()
    const started = performance.now()
    let tooEarly = 0
    client.socket.on('data', () => {
      const allowed = (performance.now() - started + earlyMs) * rate
      if (client.socket.bytesRead > allowed) tooEarly += 1
    })
    client.socket.write(Buffer.alloc(bytes))
    await waitUntil('all is back', () => client.socket.bytesRead === bytes)
    const elapsedMs = performance.now() - started
    expect(tooEarly).toBe(0)
    expect(elapsedMs).toBeGreaterThan(bytes / rate - earlyMs)
    expect(elapsedMs).toBeLessThan(bytes / rate + lateMs)
  })

  test('a timeout of 0 drops the bytes of this direction, and leaves the connection open', async () => {
    const client = await connectClient()
    await roundTrip(client, 'before')
    await rig.faults.addToxic(link, { type: 'timeout', stream, attributes: { timeout: 0 } })
    client.socket.write('lost')
    await expectNever('an answer comes', () => client.text() !== 'before' || client.closed())
    const seen = stream === 'upstream' ? 'before' : 'beforelost'
    expect(backend.received()).toBe(seen.length)
  })

  test('a timeout closes the connection when it is over', async () => {
    await rig.faults.addToxic(link, { type: 'timeout', stream, attributes: { timeout: 100 } })
    const started = performance.now()
    const client = await connectClient()
    client.socket.write('lost')
    await waitUntil('it has ended', client.ended)
    const elapsedMs = performance.now() - started
    expect(elapsedMs).toBeGreaterThan(100 - earlyMs)
    expect(elapsedMs).toBeLessThan(100 + lateMs)
    expect(client.text()).toBe('')
  })

  test('removing a timeout closes the connections whose bytes it dropped', async () => {
    await rig.faults.addToxic(link, { type: 'timeout', stream, name: 'hole' })
    const client = await connectClient()
    client.socket.write('lost')
    await expectNever('an answer comes', () => client.text() !== '')
    await rig.faults.removeToxic(link, 'hole')
    await waitUntil('it has ended', client.ended)
  })

  test.each([0, 80])('reset_peer sends an RST to both sides after %i ms', async timeout => {
    await rig.faults.addToxic(link, { type: 'reset_peer', stream, attributes: { timeout } })
    const client = await connectClient()
    await waitUntil('the backend is reached', () => backend.sockets.length === 1)
    const started = performance.now()
    client.socket.write('never answered')
    await waitUntil('it is reset', client.closed)
    expect(performance.now() - started).toBeGreaterThan(timeout - earlyMs)
    expect(client.error()).toBe('ECONNRESET')
    expect(client.text()).toBe('')
    await waitUntil('the backend is reset', () => backend.errors.length > 0)
    expect(backend.errors).toEqual(['ECONNRESET'])
  })

  test('slow_close delays the end of this direction, and no bytes', async () => {
    await rig.faults.addToxic(link, { type: 'slow_close', stream, attributes: { delay: 150 } })
    const client = await connectClient()
    expect(await roundTrip(client, 'at once')).toBeLessThan(150)
    const started = performance.now()
    client.socket.end()
    await waitUntil('the end is back', client.ended)
    const elapsedMs = performance.now() - started
    expect(elapsedMs).toBeGreaterThan(150 - earlyMs)
    expect(elapsedMs).toBeLessThan(150 + lateMs)
  })

  test('the slicer cuts a message into small pieces and keeps every byte', async () => {
    const attributes = { average_size: 10, size_variation: 4, delay: 10_000 }
    await rig.faults.addToxic(link, { type: 'slicer', stream, attributes })
    const client = await connectClient()
    const text = 'abcdefghij'.repeat(20)
    const elapsedMs = await roundTrip(client, text)
    expect(client.text()).toBe(text)
    // At least 200 / 14 slices, with a pause between each two.
    expect(elapsedMs).toBeGreaterThan(13 * 10 - earlyMs)
    expect(client.chunks.length).toBeGreaterThan(5)
  })
})

describe('limit_data passes exactly so many bytes, then closes', () => {
  const limit = { type: 'limit_data', attributes: { bytes: 20_000 } } as const
  const sent = Buffer.alloc(50_000)

  test('upstream', async () => {
    await rig.faults.addToxic(link, { ...limit, stream: 'upstream' })
    const client = await connectClient()
    client.socket.write(sent)
    await waitUntil('the backend is left', () => backend.sockets[0]?.readableEnded)
    expect(backend.received()).toBe(20_000)
    await waitUntil('the client is left', () => client.ended() || client.closed())
  })

  test('downstream', async () => {
    const talker = await openBackend(socket => socket.write(sent))
    const entry = await rig.open(`${link}-talker`, talker.port)
    await rig.faults.addToxic(`${link}-talker`, limit)
    const client = await openClient(entry)
    await waitUntil('the client is left', client.ended)
    expect(client.socket.bytesRead).toBe(20_000)
    client.socket.destroy()
    await rig.remove(`${link}-talker`)
    await talker.close()
  })
})

describe('a live connection', () => {
  test('gets the bytes that a toxic held as soon as it is removed', async () => {
    const attributes = { latency: forEverMs }
    await rig.faults.addToxic(link, { type: 'latency', name: 'held', attributes })
    const client = await connectClient()
    client.socket.write('1 2 ')
    await expectNever('an answer comes', () => client.text() !== '')
    await rig.faults.removeToxic(link, 'held')
    await waitUntil('it is back', () => client.text() === '1 2 ')
    await roundTrip(client, '3')
    expect(client.text()).toBe('1 2 3')
  })

  test('follows new attributes of a toxic at once, also for bytes that it holds', async () => {
    await rig.faults.addToxic(link, { type: 'bandwidth', attributes: { rate: 0 } })
    const client = await connectClient()
    client.socket.write('stuck')
    await expectNever('an answer comes', () => client.text() !== '')
    const body = JSON.stringify({ attributes: { rate: 100 } })
    const toxicUrl = `${rig.url}/proxies/${link}/toxics/bandwidth_downstream`
    expect((await fetch(toxicUrl, { method: 'PATCH', headers: withToken, body })).status).toBe(200)
    await waitUntil('it is back', () => client.text() === 'stuck')
  })

  test('loses no byte to a reset that is removed in time', async () => {
    const attributes = { timeout: forEverMs }
    await rig.faults.addToxic(link, { type: 'reset_peer', name: 'later', attributes })
    const client = await connectClient()
    client.socket.write('whole')
    await expectNever('an answer comes', () => client.text() !== '')
    await rig.faults.removeToxic(link, 'later')
    await waitUntil('it is back', () => client.text() === 'whole')
  })

  test('passes the toxics of each direction one after the other', async () => {
    const slow = { type: 'latency', attributes: { latency: 60 } } as const
    await rig.faults.addToxic(link, { ...slow, name: 'a' })
    await rig.faults.addToxic(link, { ...slow, name: 'b' })
    await rig.faults.addToxic(link, { ...slow, name: 'c', stream: 'upstream' })
    const client = await connectClient()
    expect(await roundTrip(client, 'three times')).toBeGreaterThan(3 * (60 - earlyMs))
    await rig.faults.removeToxic(link, 'a')
    const elapsedMs = await roundTrip(client, 'twice')
    expect(elapsedMs).toBeGreaterThan(2 * (60 - earlyMs))
    await rig.faults.reset()
    expect(await roundTrip(client, 'at once')).toBeLessThan(60)
  })
})

describe('toxicity', () => {
  /** One letter for each connection in turn: `x` when the toxic took it. */
  async function takenOf(on: Rig, toxicity: number): Promise<string> {
    const name = 'share'
    const entry = await on.open(name, backend.port)
    await on.faults.addToxic(name, { type: 'reset_peer', toxicity })
    let taken = ''
    for (let turn = 0; turn < 24; turn += 1) {
      const client = await openClient(entry)
      client.socket.end('ping')
      await waitUntil('it is over', () => client.ended() || client.closed())
      taken += client.error() === undefined ? '.' : 'x'
      client.socket.destroy()
    }
    await on.remove(name)
    return taken
  }

  test('0 takes no connection and 1 takes all', async () => {
    expect(await takenOf(rig, 0)).toBe('.'.repeat(24))
    expect(await takenOf(rig, 1)).toBe('x'.repeat(24))
  })

  test('a share takes the same connections in every run with the same seed', async () => {
    const first = await takenOf(rig, 0.5)
    expect(first).toMatch(/^(?=(.*x){5})(?=(.*\.){5})/)
    expect(await takenOf(rig, 0.5)).toBe(first)
    const elsewhere = await makeDirectory()
    const other = await startRig(elsewhere.path, { SEED: '2' })
    expect(await takenOf(other, 0.5)).not.toBe(first)
    await other.stop()
    await elsewhere.remove()
  })

  test('a higher toxicity takes a spared connection, and a lower one releases it', async () => {
    const attributes = { latency: 100 }
    await rig.faults.addToxic(link, { type: 'latency', toxicity: 0, attributes })
    const client = await connectClient()
    expect(await roundTrip(client, 'spared')).toBeLessThan(100)
    const setToxicity = (toxicity: number) =>
      fetch(`${rig.url}/proxies/${link}/toxics/latency_downstream`, {
        method: 'POST',
        headers: withToken,
        body: JSON.stringify({ toxicity }),
      })
    await setToxicity(1)
    expect(await roundTrip(client, 'taken')).toBeGreaterThan(100 - earlyMs)
    await setToxicity(0)
    expect(await roundTrip(client, 'let go')).toBeLessThan(100)
  })
})
