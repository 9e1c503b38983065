import { hash } from 'node:crypto'

/**
 * SHA-256 of route and key, stored with what the key made: fixed length, and useless to a reader of
 * the table. The same key at another route has another hash.
 */
export function keyHashOf(route: string, key: string): Buffer {
  return hash('sha256', `${route} ${key}`, 'buffer')
}
