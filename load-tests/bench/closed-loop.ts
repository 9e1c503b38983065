import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'

export type ClosedLoop = Readonly<{
  port: number
  /** Each sends its next request when it has the answer to the last. */
  connections: number
  warmUpMs: number
  measureMs: number
  /** The whole request, as it goes over the wire. */
  nextRequest: () => string
}>

export type Loop = Readonly<{
  /** Of the good answers; whatever is refused was fast for nothing. */
  goodPerSecond: number
  refused: number
  p50Ms: number
  p99Ms: number
}>

const connectMs = 5_000
const headEnd = Buffer.from('\r\n\r\n')
/** After `HTTP/1.1 `. */
const statusAt = 9
const goodStatus = '2'.charCodeAt(0)

/**
 * A load generator that is as cheap as one in Node can be, because it shares the cores with what it
 * measures: raw sockets, no parsing beyond the status and the length of an answer. Latencies are from
 * sending to the last byte. A closed loop says how much fits through, not how long somebody waits.
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
  latenciesMs.sort((a, b) => a - b)
  const at = (share: number) => round(latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0)
  return {
    goodPerSecond: Math.round((latenciesMs.length * 1_000) / options.measureMs),
    refused,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
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

/** Of the whole answer, or undefined while its head is not there. */
function lengthOf(answer: Buffer): number | undefined {
  const head = answer.indexOf(headEnd)
  if (head < 0) return undefined
  const [, bytes] = /content-length: (\d+)/i.exec(answer.toString('latin1', 0, head)) ?? []
  if (bytes === undefined) throw new Error('an answer without content-length can not be measured')
  return head + headEnd.length + Number(bytes)
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}
