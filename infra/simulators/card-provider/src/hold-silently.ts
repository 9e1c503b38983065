import { once } from 'node:events'
import type { FastifyReply } from 'fastify'

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
