import type { Socket } from 'node:net'
import { type Chain, openChain } from './chain.ts'
import { limits } from './limits.ts'
import type { LiveToxic } from './live-toxic.ts'
import type { Ending } from './stage.ts'

/** One direction of one connection: from a socket through a chain of toxics to the other socket. */
export type Link = Pick<Chain, 'add' | 'change' | 'remove' | 'stop'>

/**
 * Starts to carry bytes from `source` to `sink`. The source is paused while the link holds all it
 * may, so a slow reader slows the writer down instead of growing our memory. `cutBoth` is called
 * when a toxic ends the whole connection.
 */
export function openLink(
  source: Socket,
  sink: Socket,
  toxics: readonly LiveToxic[],
  cutBoth: (ending: Exclude<Ending, 'finish'>) => void,
): Link {
  const chain = openChain({
    pass(chunk) {
      // A sink that was closed takes no more, and nobody misses what it would have been given.
      if (sink.writable) sink.write(chunk)
      regulate()
    },
    end: ending => (ending === 'finish' ? sink.end() : cutBoth(ending)),
  })

  /** Without toxics the socket alone decides; with them, all that is held counts. */
  function isFull(): boolean {
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
  source.on('end', () => chain.end('finish'))
  sink.on('drain', regulate)
  source.resume()

  return {
    add: andRegulate(chain.add),
    change: andRegulate(chain.change),
    remove: andRegulate(chain.remove),
    stop: chain.stop,
  }
}
