import { once } from 'node:events'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import { limits } from '../limits.ts'

/**
 * Sends a JSON body one byte at a time, the first at once: a client that only limits its wait for
 * an answer to begin waits without a limit. The length is announced, so a part is told from the
 * whole.
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

/** Throws when it takes too long or the process is stopping, which cuts the connection. */
async function* drip(bytes: Buffer, everyMs: number, stop: AbortSignal): AsyncGenerator<Buffer> {
  const enough = AbortSignal.any([stop, AbortSignal.timeout(limits.dripAnswerMaxMs)])
  for (let at = 0; at < bytes.length; at++) {
    if (at > 0) await sleep(everyMs, undefined, { signal: enough })
    yield bytes.subarray(at, at + 1)
  }
}

/**
 * Keeps the caller's socket open without a byte of answer until the caller leaves. When it does not
 * leave within `maxMs`, or the process is stopping, the socket is cut.
 */
export async function holdSilently(
  reply: FastifyReply,
  maxMs: number,
  stop: AbortSignal,
): Promise<void> {
  reply.hijack()
  const { socket } = reply.raw
  if (socket === null || socket.destroyed) return
  const enough = AbortSignal.any([stop, AbortSignal.timeout(maxMs)])
  try {
    await once(socket, 'close', { signal: enough })
  } catch {
    // The wait was aborted, not the socket: the caller is still there and has waited long enough.
    socket.destroy()
  }
}
