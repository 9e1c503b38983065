import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'

const restBytesMax = 8 * 1024 * 1024
const restMs = 500

/**
 * Takes what is still to come of the body of a request that is refused, and drops it: so much, and
 * for so long. A connection that is closed while its caller still sends is reset, and the reset can
 * overtake the answer. The services do the same; simulators share no code with them.
 */
export async function dropRest(request: IncomingMessage): Promise<void> {
  // Where somebody still reads, an answer before the end is not about the body.
  if (request.complete || request.destroyed || request.listenerCount('data') > 0) return
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
