import { hash } from 'node:crypto'

/**
 * SHA-256 of what makes two requests the same: their parts after validation, with the order of fields
 * taken out. Raw bytes would not do: a client library may write the same JSON differently next time.
 */
export function fingerprintOf(...parts: unknown[]): Buffer {
  return hash('sha256', canonicalJson(parts), 'buffer')
}

/**
 * JSON with the keys of every object in order (RFC 8785 for the values that bodies here can hold:
 * their numbers are integers, and ECMAScript's own rendering of strings is what the RFC asks for).
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
