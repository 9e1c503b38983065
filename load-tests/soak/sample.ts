import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from '@nightshift/local/read-if-there'
import type { ControlClient } from '@nightshift/local/supervisor/control-client'
import type { ProcessStatus } from '@nightshift/local/supervisor/process-spec'
import type { StatePaths } from '@nightshift/local/system/state'
import { readTableSizes, type TableSize } from './table-sizes.ts'

/** What a running system has in its tables, in its files and in memory at one moment. */
export type Sample = Readonly<{
  /** Since 1970. */
  atMs: number
  tables: readonly TableSize[]
  /** Bytes of each directory of the system's data, and of its logs. */
  bytesOf: Readonly<Record<string, number>>
  /** Resident memory of each process that runs. */
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
    memoryMiB: memoryOf(processes),
  }
}

/** A process that does not run has no memory to tell of, which is something else than none. */
export function memoryOf(
  processes: readonly Pick<ProcessStatus, 'name' | 'memoryMiB'>[],
): Record<string, number> {
  return Object.fromEntries(
    processes.flatMap(({ name, memoryMiB }) =>
      memoryMiB === undefined ? [] : [[name, memoryMiB] as const],
    ),
  )
}

/** Files of Kafka are longer than what is written of them. */
const blockBytes = 512

/**
 * The bytes on disk of all files at or below this path. A file or a directory that is deleted meanwhile
 * counts as nothing, and what a link leads to is not counted.
 * @param read lists the names in a directory
 */
export async function bytesIn(
  path: string,
  read: (directory: string) => Promise<string[]> = readdir,
): Promise<number> {
  try {
    const found = await lstat(path)
    if (!found.isDirectory()) return found.isFile() ? found.blocks * blockBytes : 0
    const names = await read(path)
    const sizes = await Promise.all(names.map(name => bytesIn(join(path, name), read)))
    return sizes.reduce((sum, size) => sum + size, 0)
  } catch (error) {
    if (isMissing(error)) return 0
    throw error
  }
}
