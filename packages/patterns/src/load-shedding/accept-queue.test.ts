import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { waitUntil } from '@nightshift/local/wait-until'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { watchAcceptQueue } from './accept-queue.ts'

const limits = { acceptBurstMax: 10, acceptBurstMs: 60 }
/** One turn of the event loop, with the work of a request in it. */
const usualTurnMs = 5
const host = '127.0.0.1'

const clients: Socket[] = []
let closeServer: () => Promise<unknown>
let turnMs: number
let arrive: (count: number) => Promise<boolean[]>

/** A real server that has no time. Each connection is asked about when it is accepted, as a request is. */
beforeEach(async () => {
  turnMs = usualTurnMs
  const server = createServer()
  const queue = watchAcceptQueue(limits)
  queue.watch(server)
  const waited: boolean[] = []
  server.on('connection', (socket: Socket) => {
    const untilMs = performance.now() + turnMs
    while (performance.now() < untilMs);
    waited.push(queue.hasWaited(socket))
    expect(queue.hasWaited(socket), 'only the first request has waited').toBe(false)
  })
  await once(server.listen(0, host), 'listening')
  const { port } = server.address() as AddressInfo
  arrive = async count => {
    waited.length = 0
    for (let i = 0; i < count; i += 1) clients.push(connect({ port, host }))
    expect(await waitUntil(() => waited.length === count, 10_000, 1)).toBe(true)
    return [...waited]
  }
  closeServer = async () => {
    for (const each of clients.splice(0)) each.destroy()
    await once(server.close(), 'close')
  }
})
afterEach(() => closeServer())

test('connections of a long queue have waited, except for those of its first moments', async () => {
  const waited = await arrive(60)
  expect(waited[0]).toBe(false)
  expect(waited.at(-1)).toBe(true)
  expect(waited.filter(Boolean).length).toBeGreaterThan(20)
})

test('a short burst has not waited', async () => {
  expect(await arrive(4)).not.toContain(true)
})

test('a few connections have not waited, however slow a process is that has just started', async () => {
  turnMs = 40
  expect(await arrive(limits.acceptBurstMax)).not.toContain(true)
})

test('a connection that comes after the queue was empty has not waited', async () => {
  await arrive(60)
  await turnsWithoutConnection()
  expect(await arrive(1)).toEqual([false])
})

test('connections that come one after the other are no queue, however many', async () => {
  for (let i = 0; i < 40; i += 1) {
    expect(await arrive(1)).toEqual([false])
    await turnsWithoutConnection()
  }
})

/** The first ends the turn of the last connection, and the next one has none. */
async function turnsWithoutConnection(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await nextTurn()
}
