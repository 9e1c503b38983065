import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** What a queue may hold that becomes empty by itself. A standing queue is longer, and older. */
export type AcceptBurstLimits = Readonly<{
  /** The most connections of a burst. */
  acceptBurstMax: number
  /** The longest time in which a burst is accepted. */
  acceptBurstMs: number
}>

/**
 * Whether the queue is standing in which the kernel keeps new connections until the process accepts them.
 *
 * It serves the oldest first, and a process cannot look into it. Node takes one connection from it
 * per turn of the event loop (libuv since 1.45). A process that is short of time makes few turns. Then
 * clients wait there until they leave, and all the work is for those who have left. No other signal sees it:
 * little is in flight, and the turns are short.
 *
 * A turn without a connection shows that the queue was empty. As with any queue, one that was not empty
 * for some time is no burst (`newest-first.ts`). Time alone says too little here: a process that has just
 * started makes slow turns, and then a handful of connections takes as long.
 * @param now milliseconds of a monotonic clock
 */
export function watchAcceptQueue(limits: AcceptBurstLimits, now = () => performance.now()) {
  const known = new WeakSet<Socket>()
  let notEmptySinceMs: number | undefined
  let accepted = 0
  let isAccepted = false

  const isStanding = (): boolean =>
    notEmptySinceMs !== undefined &&
    accepted > limits.acceptBurstMax &&
    now() - notEmptySinceMs > limits.acceptBurstMs

  /** Runs after the sockets of a turn were read. */
  function look(): void {
    if (!isAccepted) {
      notEmptySinceMs = undefined
      accepted = 0
      return
    }
    isAccepted = false
    setImmediate(look)
  }

  function accept(): void {
    isAccepted = true
    accepted += 1
    if (notEmptySinceMs !== undefined) return
    notEmptySinceMs = now()
    setImmediate(look)
  }

  return {
    watch: (server: Server): void => {
      server.on('connection', accept)
    },
    /**
     * Whether this request came by a connection that has waited in a standing queue. Only the first request
     * of a connection did. What its client sends later belongs to a visit that has begun.
     */
    hasWaited(connection: Socket): boolean {
      const isFirst = !known.has(connection)
      known.add(connection)
      return isFirst && isStanding()
    },
  }
}
