import { createHmac, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** `ns_test_<8 hex: public id>_<32 random bytes>_<checksum>`; scanners for secrets know it by its head. */
const form = /^ns_test_([0-9a-f]{8})_[A-Za-z0-9_-]{43}_[0-9A-Za-z]{6}$/
const idBytes = 4
const secretBytes = 32
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const checksumLength = 6

/** Names the tenant for whom a service acts. Ignored unless the key is a service's. */
export const tenantHeader = 'nightshift-tenant'

/** A new random key. Whoever asked for it is the only one who ever sees it whole. */
export function makeApiKey(id = randomBytes(idBytes).toString('hex')): string {
  return withChecksum(`ns_test_${id}_${randomBytes(secretBytes).toString('base64url')}_`)
}

/** The public id of a key, or undefined if it can't be one: a typing error, a key of another place. */
export function apiKeyIdOf(key: string): string | undefined {
  const id = form.exec(key)?.[1]
  return id !== undefined && withChecksum(key.slice(0, -checksumLength)) === key ? id : undefined
}

/**
 * What is stored of a key. It has 256 random bits, so a fast hash is enough: there is nothing to
 * guess. With the pepper, who can write to the table and does not know it can't make a key either.
 */
export function hashApiKey(key: string, pepper: string): Buffer {
  return createHmac('sha256', pepper).update(key).digest()
}

/** No secret: it tells a mistyped key from a wrong one without asking anybody. */
function withChecksum(head: string): string {
  let rest = crc32(head)
  let checksum = ''
  for (let place = 0; place < checksumLength; place += 1) {
    checksum = digits.charAt(rest % digits.length) + checksum
    rest = Math.floor(rest / digits.length)
  }
  return head + checksum
}
