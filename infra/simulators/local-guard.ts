import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'

/** What the hooks read of a request of Fastify. */
type WithHeaders = Readonly<{ headers: IncomingHttpHeaders }>

/**
 * Refuses what a page of a stranger could send to a server of this machine through a browser. A page
 * reaches it under a name of its own that leads to 127.0.0.1 (DNS rebinding), or sends a change with the
 * origin of the page (Fetch standard, "Origin header").
 */
export async function refuseForeigners({ headers }: WithHeaders): Promise<void> {
  const { host = '', origin } = headers
  if (!isOwnName(host)) throw refusal(403, `${host} is not a name of this machine`)
  if (origin === undefined || origin === `http://${host}`) return
  throw refusal(403, `a page of ${origin} may not use this server`)
}

/** Admits who knows the token. Loopback is open to every user of the machine. */
export function requireToken(token: string): (request: WithHeaders) => Promise<void> {
  const expected = sha256(token)
  return async ({ headers }) => {
    // The name of a scheme is case-insensitive (RFC 9110, 11.1), and the token is not.
    const sent = /^bearer +([^ ]+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
    if (timingSafeEqual(sha256(sent), expected)) return
    throw refusal(
      401,
      'this needs the token of run/supervisor.json: `Authorization: Bearer <token>`',
    )
  }
}

/** What a log line of an answer says of a caller without access: why, and from where; never the token. */
export function describeRefused(
  { headers, ip }: WithHeaders & Readonly<{ ip: string }>,
  status: number,
): Readonly<{ reason?: string; peer?: string }> {
  if (status !== 401) return {}
  const isWithout = headers.authorization === undefined
  return { reason: isWithout ? 'no_token' : 'unknown_token', peer: ip }
}

/** A constant-time comparison needs values of equal length. */
function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/**
 * An address, `localhost`, or a name without a dot, as containers have. A name that a stranger can
 * register has a dot. Browsers always send one; a check in HTTP/1.0 sends none.
 */
function isOwnName(host: string): boolean {
  const name = host.replace(/:\d{1,5}$/, '').replace(/^\[(.*)\]$/, '$1')
  return name === '' || isIP(name) !== 0 || /^[a-z0-9_-]+$/i.test(name)
}

function refusal(statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode })
}
