import type { Socket } from 'node:net'
import { limits } from '../limits.ts'
import { type Chain, openChain } from './chain.ts'
import { unacknowledgedBytes } from './kernel-bytes.ts'
import type { LiveToxic } from './live-toxic.ts'

/** One direction of one connection: from a socket through a chain of toxics to the other socket. */
export type Link = Pick<Chain, 'add' | 'change' | 'remove' | 'stop'> &
  Readonly<{
    /** The peer at the source has cut the connection; its earlier bytes are passed on first. */
    sourceWasReset: () => void
    /** The peer at the source takes no more bytes. What it sent is read to its end before the cut. */
    sourceRefusedBytes: () => void
  }>

/** Ends both directions of the connection. */
export type CutBoth = (ending: 'close' | 'reset') => void

/**
 * Starts to carry bytes from `source` to `sink`. The source is paused while the link holds all it
 * may, so a slow reader slows the writer down instead of growing our memory. `cutBoth` is called
 * when a toxic ends the whole connection.
 */
export function openLink(
  source: Socket,
  sink: Socket,
  toxics: readonly LiveToxic[],
  cutBoth: CutBoth,
): Link {
  let isRefusing = false
  const chain = openChain({
    pass(chunk) {
      // A sink that was closed takes no more, and no peer misses these bytes.
      if (sink.writable) sink.write(chunk)
      regulate()
    },
    end(ending) {
      if (ending === 'finish') sink.end()
      else if (ending === 'abort') void abort(source, sink)
      else cutBoth(ending)
    },
  })

  /** Without toxics only the socket's own buffer counts; with them, all held bytes do. */
  function isFull(): boolean {
    // When the sink is gone, the rest of the source is read and dropped.
    if (sink.destroyed) return false
    if (chain.isEmpty()) return sink.writableNeedDrain
    return chain.heldBytes() + sink.writableLength >= limits.linkRoomBytes + chain.roomBytes()
  }

  function regulate(): void {
    const full = isFull()
    if (full === source.isPaused()) return
    if (full) source.pause()
    else source.resume()
  }

  function andRegulate(act: (toxic: LiveToxic) => void): (toxic: LiveToxic) => void {
    return toxic => {
      act(toxic)
      regulate()
    }
  }

  for (const toxic of toxics) chain.add(toxic)
  source.on('data', (chunk: Buffer) => {
    chain.push(chunk)
    regulate()
  })
  source.on('end', () => chain.end(isRefusing ? 'abort' : 'finish'))
  sink.on('drain', regulate)
  sink.once('close', regulate)
  source.resume()

  return {
    add: andRegulate(chain.add),
    change: andRegulate(chain.change),
    remove: andRegulate(chain.remove),
    stop: chain.stop,
    sourceWasReset() {
      // A paused source may hold more bytes, and emits no more data events after the reset.
      for (let rest = source.read(); rest !== null; rest = source.read()) chain.push(rest)
      chain.end('abort')
    },
    sourceRefusedBytes() {
      isRefusing = true
      if (source.readableEnded) {
        chain.end('abort')
        return
      }
      // The rest of the source comes at once, unless the sink does not take it.
      source.setTimeout(limits.drainIdleMs, () => {
        source.destroy()
        chain.end('abort')
      })
    },
  }
}

/**
 * The source is gone, and the sink gets the RST. A sink that is behind would lose bytes by an RST, so
 * it gets the rest and a FIN, as long as it goes on taking.
 */
async function abort(source: Socket, sink: Socket): Promise<void> {
  source.destroy()
  const isBehind = sink.writableLength > 0 || (await unacknowledgedBytes(sink)) > 0
  if (!isBehind) {
    resetSocket(sink)
    return
  }
  sink.setTimeout(limits.drainIdleMs, () => sink.destroy())
  sink.end()
}

/**
 * Cuts a connection by an RST. Node can not do that while a FIN waits for the bytes before it, and
 * would never close the socket then (EINVAL); such a socket is closed instead.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
