import { Type } from 'typebox'
import { secret } from '../process/config.ts'

const mistake =
  'must be postgres://<user>@<host>:<port>/<database>; give a password with / # ? or % in DATABASE_PASSWORD (or WORKER_ or RELAY_DATABASE_PASSWORD), or encode it'

/**
 * A setting: the URL of a database. In a URL some characters of a password are read as its end, and
 * the rest as another host or database. So a URL whose parts are not all there is refused.
 */
export const DatabaseUrl = Type.Refine(Type.String(secret), isDatabaseUrl, () => mistake)

/** A setting: the password for such a URL. It may hold any characters, and wins over one in the URL. */
export const DatabasePassword = Type.Optional(Type.String(secret))

function isDatabaseUrl(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) return false
  const { username, password, hostname, pathname, hash } = url
  if (!username || !hostname || !/^\/[^/]+$/.test(pathname) || hash) return false
  return [username, password, pathname].every(isDecodable)
}

function isDecodable(encoded: string): boolean {
  try {
    decodeURIComponent(encoded)
    return true
  } catch {
    return false
  }
}
