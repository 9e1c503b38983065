import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

export type Connections = {
  /** The request that is still being received: the last one of its connection. */
  arrivingAt: (socket: Socket) => IncomingMessage | undefined
  /** Acts when every request of the connection is answered: at once, if none is at work. */
  whenAnswered: (socket: Socket, act: () => void) => void
  /**
   * From now on, each answer ends its connection. A proxy that does not know yet that this instance
   * stops would otherwise send a request on a connection that is just being closed.
   */
  endAfterAnswers: () => void
}

/** No well-behaved client sends so many requests ahead: clients and proxies wait for each answer. */
const waitingMax = 100

/**
 * Watches the connections of a server. The requests of one connection are handled one after another:
 * Node would begin all requests that a caller sends ahead, and one connection would take every place
 * in the pool. A request behind an answer that ends the connection is not begun: its answer could not
 * be sent.
 *
 * When the server closes, all connections end. Node closes only those between two requests. A
 * connection without a request, as browsers open them in advance, or one that is kept alive after its
 * last answer, would hold the process until its supervisor kills it.
 * @param drainMs how long busy connections may go on after the close
 */
export function watchConnections(app: FastifyInstance, drainMs: number): Connections {
  const server = app.server as Server
  const atWork = new Map<Socket, Set<ServerResponse>>()
  let draining = false
  server.on('connection', (socket: Socket) => {
    atWork.set(socket, new Set())
    socket.once('close', () => atWork.delete(socket))
  })
  const handlers = server.listeners('request') as RequestListener[]
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request
    const responses = atWork.get(socket)
    if (!responses || !socket.writable) return
    if (responses.size > waitingMax) return void socket.destroy()
    const previous = [...responses].at(-1)
    responses.add(response)
    response.once('close', () => responses.delete(response))
    const handle = () => {
      if (socket.writable) for (const each of handlers) each(request, response)
    }
    if (previous) previous.once('close', handle)
    else handle()
  })

  app.addHook('preClose', done => {
    draining = true
    for (const [socket, responses] of atWork) if (responses.size === 0) socket.destroy()
    setTimeout(() => server.closeAllConnections(), drainMs).unref()
    done()
  })
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (draining) reply.header('connection', 'close')
    done(null, payload)
  })
  return {
    endAfterAnswers: () => {
      draining = true
    },
    arrivingAt: socket => {
      const last = [...(atWork.get(socket) ?? [])].at(-1)
      return last?.req.complete === false ? last.req : undefined
    },
    whenAnswered: (socket, act) => {
      const last = [...(atWork.get(socket) ?? [])].at(-1)
      if (last) last.once('close', act)
      else act()
    },
  }
}
