import type { IncomingMessage } from 'node:http'
import { isIPv6 } from 'node:net'

const groupsOfNetwork = 4
const groupsOfAddress = 8

/**
 * The client of a request: its IPv4 address, or the network of its IPv6 address, of which one client has
 * as many as it likes (RFC 6177: a site gets a /64 at least).
 * @param isBehindProxy the last address in `x-forwarded-for` counts, which our proxy has added. All
 * others in it were written by the client.
 */
export function clientOf(
  {
    socket,
    headers,
  }: Pick<IncomingMessage, 'headers'> & {
    socket: Pick<IncomingMessage['socket'], 'remoteAddress'>
  },
  isBehindProxy: boolean,
): string {
  const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',')
  const told = isBehindProxy ? forwarded.split(',').at(-1)?.trim() : undefined
  return networkOf(told || socket.remoteAddress || 'unknown')
}

function networkOf(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? []
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [front = '', back] = address.split('::')
  const before = front === '' ? [] : front.split(':')
  const after = back === undefined || back === '' ? [] : back.split(':')
  const zeros = Array.from({ length: groupsOfAddress - before.length - after.length }, () => '0')
  const groups = back === undefined ? before : [...before, ...zeros, ...after]
  return `${groups.slice(0, groupsOfNetwork).join(':')}::/64`
}
