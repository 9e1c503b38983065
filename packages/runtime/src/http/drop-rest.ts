import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

/** No well-behaved client sends more by mistake; a caller that does is cut off. */
const restBytesMax = 8 * 1024 * 1024
const restMs = 500

/** Requests that can't be read any further: their bytes were no HTTP, or came too slowly. */
const unreadable = new WeakSet<IncomingMessage>()

export function markUnreadable(request: IncomingMessage): void {
  unreadable.add(request)
}

/**
 * Holds every answer that is ready before its request has been read until the rest of the request has
 * come, within the bounds of `dropRest`. If there is still more, the connection ends.
 */
export function dropRestBeforeAnswers(app: FastifyInstance): void {
  app.addHook('onSend', ({ raw }, reply, payload, done) => {
    // Nearly every request is complete, and costs not even a promise here.
    if (raw.complete) return done(null, payload)
    void dropRest(raw).then(() => {
      if (!raw.complete) reply.header('connection', 'close')
      done(null, payload)
    })
  })
}

/**
 * Takes the rest of a body and drops it, within bounds of size and time. A connection that is closed
 * while its caller still sends is reset, and the reset can overtake the answer: the caller would never
 * read why it was refused (RFC 9112, 9.6).
 */
export async function dropRest(request: IncomingMessage): Promise<void> {
  if (isOver(request)) return
  // A refusal by a hook is ready while the parser has only read the headers. In the next turn of the
  // event loop it has read the body, too, which nearly always comes in the same piece.
  await nextTurn()
  if (isOver(request)) return
  // A parser still reads it: the caller was slow, and the time of the handler was over first.
  if (request.listenerCount('data') > 0) return
  await drop(request)
}

function isOver(request: IncomingMessage): boolean {
  return request.complete || request.destroyed || unreadable.has(request)
}

/** Writes a last answer to a connection with broken HTTP, and reads on as above. */
export async function sayLast(socket: Duplex, text: string): Promise<void> {
  // Node's parser would stumble over every further piece, and report each.
  socket.removeAllListeners('data')
  socket.end(text)
  await drop(socket)
  socket.destroy()
}

/**
 * Ends with the stream, or when it breaks off, takes too long or brings too much: the answer is sent in any
 * case. The timer is taken back: an `AbortSignal.timeout` makes an error half a second later, needed or not.
 */
function drop(stream: IncomingMessage | Duplex): Promise<void> {
  const over = Promise.withResolvers<void>()
  const late = setTimeout(over.resolve, restMs)
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > restBytesMax) over.resolve()
  })
  for (const end of ['end', 'error', 'close']) stream.once(end, () => over.resolve())
  stream.resume()
  return over.promise.finally(() => clearTimeout(late))
}
