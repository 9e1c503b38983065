import { connect, type Socket } from 'node:net'
import type { Address } from '../address.ts'
import { limits } from '../limits.ts'
import { type CutBoth, type Link, openLink, resetSocket } from './link.ts'
import type { LiveToxic } from './live-toxic.ts'
import { surviveWriteErrors } from './survive-write-errors.ts'
import type { Stream } from './toxic.ts'

/** A client, the upstream it reaches, and a link each way. */
export type Connection = Readonly<{
  /** The link of one direction; nothing before the upstream has answered. */
  link: (stream: Stream) => Link | undefined
  /** Closes both sockets at once. */
  destroy: () => void
  closed: Promise<void>
}>

/**
 * Connects a client that came paused to the upstream. `toxics` is called once the upstream has
 * answered. What one peer does is repeated towards the other in the same order: bytes are passed on
 * before the FIN or the RST behind them. When the upstream refuses, the client is closed.
 */
export function openConnection(
  client: Socket,
  address: Address,
  toxics: (stream: Stream) => readonly LiveToxic[],
): Connection {
  const upstream = connect({ ...address, allowHalfOpen: true, noDelay: true })
  const sockets = [client, upstream]
  let links: Record<Stream, Link> | undefined

  function destroy(): void {
    for (const socket of sockets) socket.destroy()
  }

  /** A toxic ends both directions. */
  const cutBoth: CutBoth = ending => {
    for (const socket of sockets) {
      if (ending === 'reset') resetSocket(socket)
      else closeAfterWriting(socket)
    }
  }

  upstream.setTimeout(limits.upstreamConnectMs, destroy)
  upstream.once('connect', () => {
    upstream.setTimeout(0)
    links = {
      upstream: openLink(client, upstream, toxics('upstream'), cutBoth),
      downstream: openLink(upstream, client, toxics('downstream'), cutBoth),
    }
    surviveWriteErrors(upstream, links.downstream.sourceRefusedBytes)
    surviveWriteErrors(client, links.upstream.sourceRefusedBytes)
  })
  // Whatever the error was, it means that this peer is gone.
  client.on('error', () => (links ? links.upstream.sourceWasReset() : destroy()))
  upstream.on('error', () => (links ? links.downstream.sourceWasReset() : destroy()))

  const closed = Promise.all(sockets.map(whenClosed)).then(() => {
    links?.upstream.stop()
    links?.downstream.stop()
  })
  return { link: stream => links?.[stream], destroy, closed }
}

/** Bytes that were passed on are still delivered, unless the peer takes nothing for too long. */
function closeAfterWriting(socket: Socket): void {
  socket.setTimeout(limits.drainIdleMs, () => socket.destroy())
  socket.destroySoon()
}

function whenClosed(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    socket.once('close', () => resolve())
  })
}
