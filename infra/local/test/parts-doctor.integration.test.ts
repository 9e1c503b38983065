import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exists } from '../src/machine.ts'
import { examine } from '../src/parts/doctor.ts'
import { probe } from '../src/supervisor/probe.ts'
import type { Probe } from '../src/supervisor/process-spec.ts'
import { freePort, openScratch, toolsDir } from './parts-process.ts'

const probeMs = 300
/** A probe may take this much longer than its timeout. */
const slackMs = 1_000

test('a taken port is named with the setting that moves all ports', async () => {
  await using taken = await listenSilently()
  const lines = await examine({ toolsDir, ports: [{ name: 'redis', port: taken.port }] })
  const line = lines.find(({ what }) => what === `port ${taken.port}`)
  expect(line).toMatchObject({ ok: false, needed: 'free, for redis' })
  expect(line?.fix).toContain('NIGHTSHIFT_PORT_BASE')
})

test('on an empty machine each missing requirement has a fix, and nothing is fetched', async () => {
  await using scratch = await openScratch()
  const empty = join(scratch.dir, 'empty')
  const tools = join(scratch.dir, 'tools')
  await mkdir(empty)
  const lines = await examine({ toolsDir: tools, ports: [], environment: { PATH: empty } })
  const missing = lines.filter(({ ok }) => !ok)
  expect(missing.map(({ what }) => what)).toEqual(
    expect.arrayContaining(['npm', 'Java', 'Maven', 'Redis', 'Kafka']),
  )
  for (const { fix } of missing) expect(fix).not.toBe('')
  expect(await exists(tools)).toBe(false)
})

test('a card provider that is full is named with what empties it', async () => {
  const answer = (kept: number) => {
    const body = JSON.stringify({ status: 'ok', records: { kept, max: 200_000 } })
    return `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`
  }
  const chargesAt = async (port: number) => {
    const cardProviderUrl = `http://127.0.0.1:${port}`
    const lines = await examine({ toolsDir, ports: [], cardProviderUrl })
    return lines.find(({ what }) => what === 'card provider')
  }
  await using full = await listen(socket => socket.end(answer(200_000)))
  expect(await chargesAt(full.port)).toMatchObject({ ok: false, needed: 'below 200000' })
  expect((await chargesAt(full.port))?.fix).toContain('keyWindowSeconds')
  await using fresh = await listen(socket => socket.end(answer(12)))
  expect(await chargesAt(fresh.port)).toMatchObject({ ok: true, fix: '' })
  expect(await chargesAt(await freePort())).toMatchObject({ ok: false, found: 'no answer' })
})

test('a port without a listener is not ready', async () => {
  for (const question of probesOf(await freePort())) {
    expect(await probe(question, probeMs), question.kind).toBe(false)
  }
})

test('a port that answers nothing is not ready, and the probe ends in time', async () => {
  await using silent = await listenSilently()
  for (const question of probesOf(silent.port)) {
    const since = performance.now()
    expect(await probe(question, probeMs), question.kind).toBe(false)
    expect(performance.now() - since, question.kind).toBeLessThan(probeMs + slackMs)
  }
})

test('a port that answers in another protocol is not ready', async () => {
  await using other = await listen(socket => socket.end('\xff\xff\xff\xff nonsense\r\n'))
  for (const question of probesOf(other.port)) {
    expect(await probe(question, probeMs), question.kind).toBe(false)
  }
})

function probesOf(port: number): Probe[] {
  return [
    { kind: 'http', url: `http://127.0.0.1:${port}/health` },
    { kind: 'postgres', url: `postgres://nobody:nothing@127.0.0.1:${port}/nowhere` },
    { kind: 'redis', port },
    { kind: 'kafka', broker: `127.0.0.1:${port}` },
  ]
}

function listenSilently() {
  return listen(() => {})
}

async function listen(greet: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {}) // a probe that gives up resets its connection
    greet(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
