import { basename } from 'node:path'
import type { ProcessStatus } from '@nightshift/local/supervisor/process-spec'
import type { SupervisorStatus } from '@nightshift/local/supervisor/supervisor'
import type { SystemFile } from '@nightshift/local/system/system-file'

/** The table of a running system: parts that run elsewhere, then one row per process. */
export function statusRows(
  status: Pick<SupervisorStatus, 'processes'>,
  system: Pick<SystemFile, 'external'> | undefined,
): Record<string, string>[] {
  const external = system?.external ?? []
  return [
    ...external.map(({ name, address }) => rowOf({ name, state: 'external', url: address })),
    ...status.processes.map(process => rowOf(process)),
  ]
}

type Row = Pick<ProcessStatus, 'name'> &
  Partial<Omit<ProcessStatus, 'state'>> & { state: ProcessStatus['state'] | 'external' }

function rowOf({ name, state, url, pid, memoryMiB, log, restarts, reason }: Row) {
  const notes = [restarts ? `${restarts} restarts` : '', reason ?? ''].filter(note => note !== '')
  return {
    name,
    state,
    url: url ?? '',
    pid: String(pid ?? '').padStart(7),
    memory: memoryMiB === undefined ? '' : `${memoryMiB} MiB`.padStart(8),
    log: log === undefined ? '' : basename(log),
    notes: notes.join('; '),
  }
}

/** Resident memory of everything that the supervisor runs, and of itself, in MiB. */
export function totalMemoryMiB({ processes, memoryMiB }: SupervisorStatus): number {
  return processes.reduce((sum, each) => sum + (each.memoryMiB ?? 0), memoryMiB)
}
