import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Connections } from './connections.ts'
import { dropRest, markUnreadable, sayLast } from './drop-rest.ts'
import type { RecordRequest } from './observe-requests.ts'
import { problemMediaType, problemOf, type Refusal } from './problem.ts'
import {
  expectationFailed,
  headersTooLarge,
  malformedRequest,
  methodNotAllowed,
  requestTimeout,
} from './refusals.ts'

/**
 * Answers bytes that never become a request of Fastify, for which there is no route and no reply, only
 * a socket. It also answers requests that Node would answer itself, with an empty body or none.
 * @returns the handler for errors of a connection: Fastify's `clientErrorHandler`
 */
export function answerBrokenRequests(
  app: FastifyInstance,
  connections: Connections,
  record: RecordRequest,
): (error: Error & { code?: string }, socket: Socket) => void {
  app.server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => {}) // the caller hung up, and the answer is lost
    refuse(socket, methodNotAllowed, 'CONNECT', record)
  })
  app.server.on('checkExpectation', async (request: IncomingMessage, response: ServerResponse) => {
    await dropRest(request)
    const { status, headers, body } = write(expectationFailed, request.method ?? 'unknown', record)
    response.writeHead(status, headers).end(body)
  })
  const failBody = bodyBreaker(app)
  return (error, socket) => {
    const arriving = connections.arrivingAt(socket)
    if (arriving) return failBody(arriving, error)
    // The bytes broke behind a request that is being handled. A refusal sent now would be taken for
    // the answer to that request.
    connections.whenAnswered(socket, () => {
      // The caller never sent a byte: there is nothing to refuse.
      if (socket.bytesRead === 0) return void socket.destroy()
      refuse(socket, refusalFor(error.code), 'unknown', record)
    })
  }
}

/**
 * Fails a request whose body broke on the way. It has a route and an id, so it is answered and recorded
 * like any other. Without this it would wait for the rest of its body.
 */
function bodyBreaker(app: FastifyInstance): (request: IncomingMessage, error: Error) => void {
  const broken = new WeakMap<IncomingMessage, Error>()
  // The hooks before this one may take time; this is the last one before the body is read.
  app.addHook('preParsing', (request, _reply, payload, done) => {
    const error = broken.get(request.raw)
    done(error ?? null, payload)
  })
  app.addHook('onSend', (request, reply, payload, done) => {
    if (broken.has(request.raw)) reply.header('connection', 'close')
    done(null, payload)
  })
  return (request, error) => {
    broken.set(request, Object.assign(error, { statusCode: 400 }))
    markUnreadable(request)
    if (request.listenerCount('error') > 0) request.emit('error', error)
  }
}

function refusalFor(code: string | undefined): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') return headersTooLarge
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? requestTimeout : malformedRequest
}

function refuse(socket: Duplex, refusal: Refusal, method: string, record: RecordRequest): void {
  if (!socket.writable) return void socket.destroy()
  const { status, headers, body } = write(refusal, method, record)
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  void sayLast(socket, `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('')}\r\n${body}`)
}

function write(refusal: Refusal, method: string, record: RecordRequest) {
  const requestId = randomUUID()
  const { status } = refusal
  record({ requestId, method, route: 'unmatched', status, durationMs: 0 })
  const body = JSON.stringify(problemOf(refusal, requestId))
  const headers = {
    'content-type': problemMediaType,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  }
  return { status, headers, body }
}
