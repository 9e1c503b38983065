import type { Socket } from 'node:net'

/**
 * Cuts a connection by an RST. Node can not do that while a FIN waits for the bytes before it, and
 * would never close the socket then (EINVAL); such a one is closed instead.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
