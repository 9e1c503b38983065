import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { controlToken, startSimulator, withToken } from '../../simulators/start-simulator.ts'
import { waitUntil } from '../../simulators/wait-until.ts'
import { type FaultProxyClient, faultProxyClient } from '../src/fault-proxy-client.ts'

const main = new URL('../src/main.ts', import.meta.url)

export type FaultLogLine = Readonly<{
  at: string
  seq: number
  kind: string
  action: string
  proxy: string
  toxic?: { name: string; attributes: object }
}>

/** The fault proxy as a process of its own. */
export type Rig = Readonly<{
  url: string
  faults: FaultProxyClient
  /** Makes a proxy to a port and answers where it listens. */
  open: (name: string, upstreamPort: number) => Promise<number>
  /** Deletes the proxy and thereby frees its port. */
  remove: (name: string) => Promise<void>
  lines: () => Promise<FaultLogLine[]>
  stop: () => Promise<number | null>
  kill: () => Promise<void>
}>

/** A new directory for logs; the caller removes it. */
export async function makeDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'faults-'))
  return { path, remove: () => rm(path, { recursive: true }) }
}

export async function startRig(
  directory: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Rig> {
  const logPath = join(directory, 'faults.jsonl')
  const started = await startSimulator(main, { FAULT_LOG: logPath, ...env })
  return {
    url: started.url,
    faults: faultProxyClient(started.url, controlToken),
    async open(name, upstreamPort) {
      const body = JSON.stringify({ name, listen: ':0', upstream: `127.0.0.1:${upstreamPort}` })
      const response = await fetch(`${started.url}/proxies`, {
        method: 'POST',
        headers: withToken,
        body,
      })
      const { listen } = (await response.json()) as { listen: string }
      return Number(listen.split(':')[1])
    },
    async remove(name) {
      await fetch(`${started.url}/proxies/${name}`, { method: 'DELETE', headers: withToken })
    },
    async lines() {
      const text = await readFile(logPath, 'utf8')
      return text
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line) as FaultLogLine)
    },
    stop: started.stop,
    kill: started.kill,
  }
}

/** A server on a port of its own that serves each socket; errors of sockets are kept. */
export type Backend = Readonly<{
  port: number
  sockets: readonly Socket[]
  /** The codes of the errors of its sockets. */
  errors: readonly string[]
  /** The bytes received over all sockets. */
  received: () => number
  close: () => Promise<void>
}>

export async function openBackend(serve: (socket: Socket) => void): Promise<Backend> {
  const sockets: Socket[] = []
  const errors: string[] = []
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    sockets.push(socket)
    socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? error.message))
    serve(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    errors,
    received: () => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A client that keeps everything it received. */
export type Client = Readonly<{
  socket: Socket
  chunks: readonly Buffer[]
  text: () => string
  /** The code of its error, if it had one. */
  error: () => string | undefined
  ended: () => boolean
  closed: () => boolean
}>

export async function openClient(port: number): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const chunks: Buffer[] = []
  let code: string | undefined
  let ended = false
  socket.on('error', (error: NodeJS.ErrnoException) => {
    code = error.code ?? error.message
  })
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('end', () => {
    ended = true
  })
  await waitUntil('the client is connected', () => !socket.connecting)
  return {
    socket,
    chunks,
    text: () => Buffer.concat(chunks).toString(),
    error: () => code,
    ended: () => ended,
    closed: () => socket.closed,
  }
}

/** Answers every byte with itself, and an end with an end. */
export function echo(socket: Socket): void {
  socket.pipe(socket)
}

/** Sends and waits for as many bytes in return; answers how long that took, in ms. */
export async function roundTrip(client: Client, text: string): Promise<number> {
  const wanted = client.text().length + text.length
  const started = performance.now()
  client.socket.write(text)
  await waitUntil(`"${text}" is back`, () => client.text().length >= wanted)
  return performance.now() - started
}
