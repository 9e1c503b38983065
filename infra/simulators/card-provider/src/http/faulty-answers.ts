import { once } from 'node:events'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import { limits } from '../limits.ts'

/**
 * Sends a JSON body one byte at a time, the first at once. A client that limits only its wait for
 * the first byte waits without a limit. The length is announced, so that a client recognizes a part.
 */
export function sendDripping(
  reply: FastifyReply,
  body: object,
  everyMs: number,
  stop: AbortSignal,
): FastifyReply {
  const bytes = Buffer.from(JSON.stringify(body))
  return reply
    .header('content-type', 'application/json; charset=utf-8')
    .header('content-length', bytes.length)
    .send(Readable.from(drip(bytes, everyMs, stop), { objectMode: false, highWaterMark: 1 }))
}

/** Throws when it takes too long or the process is stopping, which closes the connection. */
async function* drip(bytes: Buffer, everyMs: number, stop: AbortSignal): AsyncGenerator<Buffer> {
  const aborted = AbortSignal.any([stop, AbortSignal.timeout(limits.dripAnswerMaxMs)])
  for (let at = 0; at < bytes.length; at++) {
    if (at > 0) await sleep(everyMs, undefined, { signal: aborted })
    yield bytes.subarray(at, at + 1)
  }
}

/**
 * Keeps the client's socket open without a byte of answer until the client leaves. The socket is
 * closed after `maxMs`, or when the process is stopping.
 */
export async function keepWaiting(
  reply: FastifyReply,
  maxMs: number,
  stop: AbortSignal,
): Promise<void> {
  reply.hijack()
  const { socket } = reply.raw
  if (socket === null || socket.destroyed) return
  const aborted = AbortSignal.any([stop, AbortSignal.timeout(maxMs)])
  try {
    await once(socket, 'close', { signal: aborted })
  } catch {
    // The wait was aborted and the client is still connected, so its socket is closed here.
    socket.destroy()
  }
}
