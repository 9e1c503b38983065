import { isIP } from 'node:net'
import type { onRequestAsyncHookHandler } from 'fastify'

/**
 * A hook that refuses what a page of a stranger could send through a browser to a server of this machine:
 * under a name of its own that leads to 127.0.0.1 (DNS rebinding), or with its own origin (Fetch standard,
 * "Origin header"). It answers 403.
 */
export const refuseForeigners: onRequestAsyncHookHandler = async ({ headers }, reply) => {
  const { host = '', origin } = headers
  const isOwnPage = origin === undefined || origin === `http://${host}`
  if (isOwnName(host) && isOwnPage) return
  return reply.code(403).send({ error: 'only this machine and its own pages may ask here' })
}

/**
 * An address, `localhost`, or a name without a dot, as containers have. A name that a stranger can
 * register has a dot. Browsers always send one; a check in HTTP/1.0 sends none.
 */
function isOwnName(host: string): boolean {
  const name = host.replace(/:\d{1,5}$/, '').replace(/^\[(.*)\]$/, '$1')
  return name === '' || isIP(name) !== 0 || /^[a-z0-9_-]+$/i.test(name)
}
