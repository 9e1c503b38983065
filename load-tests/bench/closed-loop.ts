import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { quantile, round } from '../reporting/figures.ts'

export type ClosedLoop = Readonly<{
  port: number
  /** Each connection sends its next request when it has the answer to the last one. */
  connections: number
  warmUpMs: number
  measureMs: number
  /** The bytes of a whole request. */
  nextRequest: () => string
}>

export type Loop = Readonly<{
  /** Only good answers count, because a refusal is fast for no use. */
  goodPerSecond: number
  refused: number
  p50Ms: number
  p99Ms: number
}>

const connectMs = 5_000
const headEnd = Buffer.from('\r\n\r\n')
/** The length of `HTTP/1.1 `, which the status follows. */
const statusAt = 9
const goodStatus = '2'.charCodeAt(0)

/**
 * The cheapest load generator that Node allows, because it shares the cores with the service: it uses
 * raw sockets, and parses only the status and the length of an answer. A latency is the time from
 * sending to the last byte. A closed loop measures throughput; it does not show how long users wait.
 * @throws when a connection is lost, or the server does not answer in time
 */
export async function runClosedLoop(options: ClosedLoop): Promise<Loop> {
  const startedAt = performance.now()
  const from = startedAt + options.warmUpMs
  const until = from + options.measureMs
  const latenciesMs: number[] = []
  let refused = 0
  const take = (sentAt: number, now: number, isGood: boolean) => {
    if (now < from || now > until) return
    if (isGood) latenciesMs.push(now - sentAt)
    else refused += 1
  }
  const clients = Array.from({ length: options.connections }, () => runClient(options, until, take))
  await Promise.all(clients)
  return {
    goodPerSecond: Math.round((latenciesMs.length * 1_000) / options.measureMs),
    refused,
    p50Ms: round(quantile(latenciesMs, 0.5) ?? 0),
    p99Ms: round(quantile(latenciesMs, 0.99) ?? 0),
  }
}

async function runClient(
  { port, nextRequest }: ClosedLoop,
  until: number,
  take: (sentAt: number, now: number, isGood: boolean) => void,
): Promise<void> {
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect', { signal: AbortSignal.timeout(connectMs) })
  const over = Promise.withResolvers<void>()
  socket.on('error', over.reject)
  socket.on('close', () => over.reject(new Error('the server closed the connection')))
  let received = Buffer.alloc(0)
  let sentAt = send(socket, nextRequest())
  socket.on('data', chunk => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const length = lengthOf(received)
    if (length === undefined || received.length < length) return
    const now = performance.now()
    take(sentAt, now, received[statusAt] === goodStatus)
    received = Buffer.alloc(0)
    if (now > until) over.resolve()
    else sentAt = send(socket, nextRequest())
  })
  try {
    await over.promise
  } finally {
    socket.removeAllListeners('close')
    socket.destroy()
  }
}

function send(socket: Socket, request: string): number {
  socket.write(request)
  return performance.now()
}

/** The length of the whole answer, or undefined while its head is incomplete. */
function lengthOf(answer: Buffer): number | undefined {
  const head = answer.indexOf(headEnd)
  if (head < 0) return undefined
  const [, bytes] = /content-length: (\d+)/i.exec(answer.toString('latin1', 0, head)) ?? []
  if (bytes === undefined) throw new Error('an answer without content-length cannot be measured')
  return head + headEnd.length + Number(bytes)
}
