/**
 * Fault:    clients take all connections: they send requests byte by byte, read answers byte by byte,
 *           or say nothing at all
 * Without:  load-tests/results/slow-clients.json (callers not served); the code is `naive.ts`.
 * With:     receiving and sending have a limit as a whole, and the client that has been silent for
 *           longest makes room for the next one.
 * Switch:   PATTERN_SLOW_CLIENTS=naive
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Counter } from 'prom-client'
import type { SlowClientLimits, TreatSlowClients } from './types.ts'

/** A handler that still works this long after its budget has ignored its deadline. */
const lostMs = 2_000
/** A connection on which nothing moves although there is something to send is dead. */
const stalledMs = 2_500
/** How often in the time of a limit it is looked who has exceeded it. */
const looksPerLimit = 5

/** The requests of one connection that are not answered yet, and since when its client reads slowly. */
type Client = { requests: Set<IncomingMessage>; behindSinceMs?: number }

/**
 * A limit for each piece would be none: a client that sends a byte before each timeout goes on for
 * ever. So the limits are for the whole of a request, and for the whole of an answer.
 */
export const cutOffSlowClients: TreatSlowClients = (limits, registry) => {
  const { requestBudgetMs, receiveMs } = limits
  const cut = new Counter({
    name: 'http_connections_cut_total',
    help: 'Connections that were closed because their client was too slow, or to make room.',
    labelNames: ['because'] as const,
    registers: [registry],
  })
  return {
    settings: {
      requestTimeout: receiveMs,
      headersTimeout: receiveMs,
      connectionTimeout: requestBudgetMs + stalledMs,
      // By default Node looks for overdue requests every 30 s, which makes 35 s of a limit of 5 s.
      connectionsCheckingInterval: receiveMs / looksPerLimit,
    },
    lostHandlerMs: requestBudgetMs + lostMs,
    watch: server => watchClients(server, limits, because => cut.inc({ because })),
  }
}

function watchClients(
  server: Server,
  limits: SlowClientLimits,
  note: (because: 'read too slowly' | 'made room') => void,
): void {
  /** In the order in which they last connected or got an answer. */
  const clients = new Map<Socket, Client>()

  server.on('connection', (socket: Socket) => {
    if (clients.size >= limits.connectionsMax - limits.connectionsFreeMin) makeRoom()
    clients.set(socket, { requests: new Set() })
    socket.once('close', () => clients.delete(socket))
  })
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request
    const client = clients.get(socket)
    if (!client) return
    client.requests.add(request)
    response.once('close', () => {
      client.requests.delete(request)
      // It goes to the end of the order, unless it has left.
      if (clients.delete(socket)) clients.set(socket, client)
    })
  })

  /**
   * A client that has sent no head goes first, and then one that has not sent its whole body. A request
   * that has been received is at work: its client waits for us, and not the other way.
   */
  function makeRoom(): void {
    const all = [...clients]
    const [socket] =
      all.find(([, { requests }]) => requests.size === 0) ??
      all.find(([, { requests }]) => ![...requests].some(({ complete }) => complete)) ??
      []
    if (socket === undefined) return
    note('made room')
    clients.delete(socket)
    socket.destroy()
  }

  const looking = setInterval(() => {
    const nowMs = performance.now()
    for (const [socket, client] of clients) {
      if (socket.writableLength === 0) delete client.behindSinceMs
      else client.behindSinceMs ??= nowMs
      if (nowMs - (client.behindSinceMs ?? nowMs) < limits.sendMs) continue
      note('read too slowly')
      socket.destroy()
    }
  }, limits.sendMs / looksPerLimit)
  looking.unref()
  server.once('close', () => clearInterval(looking))
}
