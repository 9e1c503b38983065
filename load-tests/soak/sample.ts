import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ControlClient } from '@nightshift/local/supervisor/control-client'
import type { StatePaths } from '@nightshift/local/system/state'
import { readTableSizes, type TableSize } from './table-sizes.ts'

/** What a running system has in its tables, in its files and in memory at one moment. */
export type Sample = Readonly<{
  /** Since 1970. */
  atMs: number
  tables: readonly TableSize[]
  /** Bytes of each directory of the system's data, and of its logs. */
  bytesOf: Readonly<Record<string, number>>
  /** Resident memory of each process. */
  memoryMiB: Readonly<Record<string, number>>
}>

export type Sampled = Readonly<{
  /** An administrator's, of the server of all services. */
  postgresUrl: string
  state: Pick<StatePaths, 'data' | 'logs'>
  supervisor: Pick<ControlClient, 'status'>
}>

export async function takeSample({ postgresUrl, state, supervisor }: Sampled): Promise<Sample> {
  const tables = await readTableSizes(postgresUrl)
  const { processes } = await supervisor.status()
  const parts = await readdir(state.data)
  const sizes = await Promise.all(
    parts.map(async part => [part, await bytesIn(join(state.data, part))] as const),
  )
  return {
    atMs: Date.now(),
    tables,
    bytesOf: { ...Object.fromEntries(sizes), logs: await bytesIn(state.logs) },
    memoryMiB: Object.fromEntries(processes.map(({ name, memoryMiB = 0 }) => [name, memoryMiB])),
  }
}

/** The bytes on disk of all files at or below this path. A file that is deleted meanwhile counts as nothing. */
async function bytesIn(path: string): Promise<number> {
  const whole = await sizeOf(path)
  if (whole !== 'directory') return whole
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile())
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => sizeOf(join(parentPath, name))),
  )
  return sizes.reduce<number>((sum, size) => sum + (size === 'directory' ? 0 : size), 0)
}

/** Files of Kafka are longer than what is written of them. */
const blockBytes = 512

async function sizeOf(path: string): Promise<number | 'directory'> {
  try {
    const found = await stat(path)
    return found.isDirectory() ? 'directory' : found.blocks * blockBytes
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0
    throw error
  }
}
