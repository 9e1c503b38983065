import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { quantile, round } from '../reporting/figures.ts'

export type ClosedLoop = Readonly<{
  port: number
  /** Each connection sends its next request when it has the answer to the last one. */
  connections: number
  /**
   * At most so many requests per second, of all connections together. Without it, each connection
   * sends as fast as it is answered.
   */
  perSecond?: number
  warmUpMs: number
  measureMs: number
  /** The bytes of a whole request. */
  nextRequest: () => string
}>

export type Loop = Readonly<{
  /** Only good answers count, because a refusal is fast for no use. */
  goodPerSecond: number
  /** All other answers. */
  refused: number
  p50Ms: number
  p99Ms: number
}>

const connectMs = 5_000
const headEnd = Buffer.from('\r\n\r\n')
/** The length of `HTTP/1.1 `, which the status follows. */
const statusAt = 9
const statusLength = 3

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
  const everyMs = (options.connections * 1_000) / (options.perSecond ?? Number.POSITIVE_INFINITY)
  const clients = Array.from({ length: options.connections }, (_, nth) => {
    const pace = { firstAt: startedAt + (nth * everyMs) / options.connections, everyMs, until }
    return runClient(options, pace, take)
  })
  await Promise.all(clients)
  return {
    goodPerSecond: Math.round((latenciesMs.length * 1_000) / options.measureMs),
    refused,
    p50Ms: round(quantile(latenciesMs, 0.5) ?? 0),
    p99Ms: round(quantile(latenciesMs, 0.99) ?? 0),
  }
}

type Pace = Readonly<{ firstAt: number; everyMs: number; until: number }>

async function runClient(
  { port, nextRequest }: ClosedLoop,
  { firstAt, everyMs, until }: Pace,
  take: (sentAt: number, now: number, isGood: boolean) => void,
): Promise<void> {
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect', { signal: AbortSignal.timeout(connectMs) })
  const over = Promise.withResolvers<void>()
  socket.on('error', over.reject)
  socket.on('close', () => over.reject(new Error('the server closed the connection')))
  let received = Buffer.alloc(0)
  let sentAt = Number.NaN
  let dueAt = firstAt
  const sendNext = () => {
    sentAt = send(socket, nextRequest())
    dueAt += everyMs
  }
  /** A connection that is late sends at once until it is in time again. */
  const next = () => {
    const waitMs = dueAt - performance.now()
    if (dueAt > until) over.resolve()
    else if (waitMs > 0) setTimeout(sendNext, waitMs)
    else sendNext()
  }
  next()
  socket.on('data', chunk => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const length = lengthOf(received)
    if (length === undefined || received.length < length) return
    const now = performance.now()
    take(sentAt, now, isGood(received.toString('latin1', statusAt, statusAt + statusLength)))
    received = Buffer.alloc(0)
    if (now > until) over.resolve()
    else next()
  })
  try {
    await over.promise
  } finally {
    socket.removeAllListeners('close')
    socket.destroy()
  }
}

/** 202 says that nothing is decided yet: it counts with the refusals. */
function isGood(status: string): boolean {
  return status.startsWith('2') && status !== '202'
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
