import { isIPv4 } from 'node:net'
import { badBody } from './control/api-error.ts'

/** A TCP address. Port 0, for a listener, means any free one. */
export type Address = Readonly<{ host: string; port: number }>

const portMax = 65_535

/**
 * Reads `host:port`, with brackets around an IPv6 host. An empty host becomes `anyHost`. Throws a
 * 400 that names `field`.
 */
export function parseAddress(field: string, text: string, anyHost: string): Address {
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === '' || port > portMax) throw badBody(`${field} must be host:port, not ${text}`)
  const host = bracketed || plain || anyHost
  return { host: host === 'localhost' ? '127.0.0.1' : host, port }
}

/** Whether only this machine can connect to this host. */
export function isLoopback(host: string): boolean {
  return host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
