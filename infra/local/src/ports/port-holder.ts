import { execFile } from 'node:child_process'
import { readdir, readlink } from 'node:fs/promises'
import { promisify } from 'node:util'
import { readIfThere } from '../read-if-there.ts'
import { commandOf } from '../supervisor/process-table.ts'

const lsofTimeoutMs = 5_000
const listening = '0A'

/**
 * The process that listens on a port, in words for a person: `postgres (pid 123)`. Undefined when
 * there is none, or when the system does not tell, as for another user's processes.
 */
export async function findPortHolder(port: number): Promise<string | undefined> {
  return process.platform === 'linux' ? holderFromProc(port) : holderFromLsof(port)
}

async function holderFromProc(port: number): Promise<string | undefined> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(readIfThere))
  const inodes = tables.flatMap(table => listenersIn(table ?? '', port))
  if (inodes.length === 0) return undefined
  const sockets = new Set(inodes.map(inode => `socket:[${inode}]`))
  for (const pid of await readdir('/proc')) {
    if (/^\d+$/.test(pid) && (await holdsOneOf(pid, sockets))) {
      return `${(await commandOf(Number(pid))) ?? '?'} (pid ${pid})`
    }
  }
  return undefined
}

/** The socket inodes that listen on a port, from the text of /proc/net/tcp. */
export function listenersIn(table: string, port: number): string[] {
  return table.split('\n').flatMap(line => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
    const isIt = state === listening && Number.parseInt(local?.split(':')[1] ?? '', 16) === port
    return isIt && inode !== undefined ? [inode] : []
  })
}

async function holdsOneOf(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  try {
    for (const descriptor of await readdir(`/proc/${pid}/fd`)) {
      if (sockets.has(await readlink(`/proc/${pid}/fd/${descriptor}`))) return true
    }
    return false
  } catch {
    return false // it ended meanwhile, or belongs to another user
  }
}

async function holderFromLsof(port: number): Promise<string | undefined> {
  const args = ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc']
  try {
    const { stdout } = await promisify(execFile)('lsof', args, { timeout: lsofTimeoutMs })
    const pid = /^p(\d+)$/m.exec(stdout)?.[1]
    const name = /^c(.+)$/m.exec(stdout)?.[1]
    return pid && `${name ?? '?'} (pid ${pid})`
  } catch {
    return undefined // lsof exits with 1 when nothing listens, and may not be installed
  }
}
