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

/** Makes a new random key. Only its caller ever sees it whole; a hash of it is stored. */
export function makeApiKey(id = randomBytes(idBytes).toString('hex')): string {
  return withChecksum(`ns_test_${id}_${randomBytes(secretBytes).toString('base64url')}_`)
}

/** The public id of a key, or undefined if it can't be one: a typing error, a key of another place. */
export function apiKeyIdOf(key: string): string | undefined {
  const id = form.exec(key)?.[1]
  return id !== undefined && withChecksum(key.slice(0, -checksumLength)) === key ? id : undefined
}

/**
 * The form in which a key is stored. A key has 256 random bits and can't be guessed, so a fast hash is
 * enough. Write access to the table does not suffice to make a key: that takes the pepper, too.
 */
export function hashApiKey(key: string, pepper: string): Buffer {
  return createHmac('sha256', pepper).update(key).digest()
}

/** One pepper, or two during a rotation. */
export type Peppers = readonly [newest: string, ...older: string[]]

/** The peppers of the setting `API_KEY_PEPPER`, the newest first. */
export function readPeppers(setting: string): Peppers {
  const [newest = '', ...older] = setting.split(',')
  return [newest, ...older]
}

/** The checksum is no secret: it tells a mistyped key from a wrong one without a look-up. */
function withChecksum(head: string): string {
  let rest = crc32(head)
  let checksum = ''
  for (let place = 0; place < checksumLength; place += 1) {
    checksum = digits.charAt(rest % digits.length) + checksum
    rest = Math.floor(rest / digits.length)
  }
  return head + checksum
}
