import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'

/**
 * How many bytes of this connection the kernel has taken and the peer has not acknowledged
 * (`tx_queue` in /proc/net/tcp; see proc_net_tcp in the kernel's documentation). 0 where the system
 * has no such table, and for a connection that is not in it.
 */
export async function unacknowledgedBytes(socket: Socket): Promise<number> {
  const { localPort, remotePort } = socket
  if (localPort === undefined || remotePort === undefined) return 0
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(readTable))
  const rows = tables.join('\n').split('\n')
  const row = rows
    .map(line => line.trim().split(/\s+/))
    .find(([, local, remote]) => isPort(local, localPort) && isPort(remote, remotePort))
  const [queued = '0'] = row?.[4]?.split(':') ?? []
  return Number.parseInt(queued, 16)
}

/** A system without this table has no file, and answers with an empty one. */
function readTable(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

/** An address in the table is `ADDRESS:PORT`, both in hexadecimal digits. */
function isPort(address: string | undefined, port: number): boolean {
  return address?.endsWith(`:${port.toString(16).toUpperCase().padStart(4, '0')}`) ?? false
}
