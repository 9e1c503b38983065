import { hash } from 'node:crypto'

/**
 * Of an idempotency key, to be kept with what it made: of one length, and worth nothing to whoever
 * reads it. The route is a part of it, so that the same key at another route finds nothing.
 */
export function keyHashOf(route: string, key: string): Buffer {
  return hash('sha256', `${route} ${key}`, 'buffer')
}
