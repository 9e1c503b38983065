import { hash } from 'node:crypto'

/**
 * SHA-256 of what makes two requests the same: their parts after validation, with the order of
 * fields taken out. Raw bytes would not do: a client library may write the same JSON differently
 * next time.
 */
export function fingerprintOf(...parts: unknown[]): Buffer {
  return hash('sha256', canonicalJson(parts), 'buffer')
}

/**
 * SHA-256 of route and key, stored with what the key created: fixed length, and useless to a reader
 * of the table. The same key at another route has another hash.
 */
export function keyHashOf(route: string, key: string): Buffer {
  return hash('sha256', `${route} ${key}`, 'buffer')
}

/**
 * JSON with the keys of every object in order. This is RFC 8785 for bodies whose numbers are
 * integers, because the RFC takes the rendering of strings from ECMAScript.
 */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`)
  return `{${fields.join(',')}}`
}
