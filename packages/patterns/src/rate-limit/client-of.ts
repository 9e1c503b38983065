import type { IncomingMessage } from 'node:http'
import { isIPv6 } from 'node:net'

const groupsOfNetwork = 4
const groupsOfAddress = 8

/**
 * The name of a client: its IPv4 address, or the /64 network of its IPv6 address. A site gets a /64 at
 * least (RFC 6177), so a client may use any address in it.
 * @param isBehindProxy true: the last address in `x-forwarded-for` is the client. Our proxy added that
 * one, and the client may have written all others.
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
