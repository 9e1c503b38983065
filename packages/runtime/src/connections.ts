import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

export type Connections = {
  /** The request, if it is the only one of its connection, that is still being received. */
  arrivingAt: (socket: Socket) => IncomingMessage | undefined
  /** Acts when every request of the connection is answered: at once, if none is at work. */
  whenAnswered: (socket: Socket, act: () => void) => void
}

/**
 * Knows the connections of a server, and lets go of them when it closes. Node closes only those that
 * wait between two requests: one that has not said anything yet, as browsers open them in advance,
 * or that is kept alive after its last answer, would hold the process until its supervisor kills it.
 * @param drainMs how long those that are busy at the close may still be
 */
export function watchConnections(app: FastifyInstance, drainMs: number): Connections {
  const server = app.server as Server
  const atWork = new Map<Socket, Set<ServerResponse>>()
  let draining = false
  server.on('connection', (socket: Socket) => {
    atWork.set(socket, new Set())
    socket.once('close', () => atWork.delete(socket))
  })
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const responses = atWork.get(socket)
    responses?.add(response)
    response.once('close', () => responses?.delete(response))
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
    arrivingAt: socket => {
      const [only, ...others] = atWork.get(socket) ?? []
      return others.length === 0 && only?.req.complete === false ? only.req : undefined
    },
    whenAnswered: (socket, act) => {
      const last = [...(atWork.get(socket) ?? [])].at(-1)
      if (last) last.once('close', act)
      else act()
    },
  }
}
