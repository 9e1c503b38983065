import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'

/** Nobody honest sends more by mistake; who does is cut off. */
const restBytesMax = 8 * 1024 * 1024
const restMs = 500

/**
 * Takes what is still to come of a body, and drops it: so much, and for so long. A connection that is
 * closed while its caller still sends is reset, and the reset can overtake the answer: the caller would
 * never read why it was refused (RFC 9112, 9.6).
 */
export async function dropRest(request: IncomingMessage): Promise<void> {
  const tooMuch = new AbortController()
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > restBytesMax) tooMuch.abort()
  })
  const signal = AbortSignal.any([tooMuch.signal, AbortSignal.timeout(restMs)])
  // Not all of it came, or it broke on the way: then the answer is risked.
  await once(request, 'end', { signal }).catch(() => {})
}
