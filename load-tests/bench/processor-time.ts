import { readdir, readFile } from 'node:fs/promises'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'

/** The kernel counts processor time in this unit, on every Linux that Node supports. */
const ticksPerSecond = 100

type Process = Readonly<{
  parent: number
  ms: number
  /** The time of its children that have ended. */
  endedMs: number
}>

/**
 * The processor time of a process and all its children in milliseconds, ended children included.
 * Undefined where there is no /proc.
 */
export async function processorMs(pid: number | undefined): Promise<number | undefined> {
  const own = pid === undefined ? undefined : await readProcess(pid)
  if (!own) return undefined
  const names = await readdir('/proc')
  const others = await Promise.all(
    names.filter(name => /^\d+$/.test(name)).map(name => readProcess(Number(name))),
  )
  const children = others.filter(other => other?.parent === pid)
  return children.reduce((sum, child) => sum + (child?.ms ?? 0), own.ms + own.endedMs)
}

/** The main process of PostgreSQL, the parent of all connections, if it runs on this machine. */
export async function databaseProcess(db: Queryable): Promise<number | undefined> {
  const { rows } = await db.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return rows[0] && (await readProcess(rows[0].pid))?.parent
}

/** See proc(5): the name in brackets, the state, the parent, and the times from the 14th field on. */
async function readProcess(pid: number): Promise<Process | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined) // it has ended
  if (stat === undefined) return undefined
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const at = (place: number) => Number(fields[place - 3])
  const toMs = (ticks: number) => (ticks * 1_000) / ticksPerSecond
  return { parent: at(4), ms: toMs(at(14) + at(15)), endedMs: toMs(at(16) + at(17)) }
}
