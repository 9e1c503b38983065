import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Whether the queue is standing in which the kernel keeps new connections until the process accepts them.
 *
 * It serves the oldest first, and a process cannot look into it. Node takes one connection from it
 * per turn of the event loop (libuv since 1.45). A process that is short of time makes few turns. Then
 * clients wait there until they leave, and all the work is for those who have left. No other signal sees it:
 * little is in flight, and the turns are short.
 *
 * A turn without a connection shows that the queue was empty. As with any queue, one that was not empty
 * for some time is no burst (`newest-first.ts`).
 * @param burstMs the longest that a burst may need to be accepted
 * @param now milliseconds of a monotonic clock
 */
export function watchAcceptQueue(burstMs: number, now = () => performance.now()) {
  const known = new WeakSet<Socket>()
  let notEmptySinceMs: number | undefined
  let isAccepted = false

  /** Runs after the sockets of a turn were read. */
  function look(): void {
    if (!isAccepted) {
      notEmptySinceMs = undefined
      return
    }
    isAccepted = false
    setImmediate(look)
  }

  function accepted(): void {
    isAccepted = true
    if (notEmptySinceMs !== undefined) return
    notEmptySinceMs = now()
    setImmediate(look)
  }

  return {
    watch: (server: Server): void => {
      server.on('connection', accepted)
    },
    /**
     * Whether this request came by a connection that has waited in a standing queue. Only the first request
     * of a connection did. What its client sends later belongs to a visit that has begun.
     */
    hasWaited(connection: Socket): boolean {
      const isFirst = !known.has(connection)
      known.add(connection)
      return isFirst && notEmptySinceMs !== undefined && now() - notEmptySinceMs > burstMs
    },
  }
}
