import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'

const restBytesMax = 8 * 1024 * 1024
const restMs = 500

/**
 * Reads and drops what is left of a refused request's body, up to a size and a time limit. Closing
 * the connection of a client that still sends resets it, and the reset can overtake the answer. The
 * services do the same; simulators share no code with them.
 */
export async function dropUnreadBody(request: IncomingMessage): Promise<void> {
  // A listener means that a route still reads the body, so the answer is no refusal of it.
  if (request.complete || request.destroyed || request.listenerCount('data') > 0) return
  const tooMuch = new AbortController()
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > restBytesMax) tooMuch.abort()
  })
  const signal = AbortSignal.any([tooMuch.signal, AbortSignal.timeout(restMs)])
  // The client sent too much or broke off. The answer is sent anyway, and the reset is risked.
  await once(request, 'end', { signal }).catch(() => {})
}
