import type { TargetName } from '@nightshift/faults/injector/target'
import type { ControlClient } from '@nightshift/local/supervisor/control-client'
import { readLogEnd } from '@nightshift/local/supervisor/read-log'
import { limits } from '../limits.ts'

/** The last lines of the log of a process; undefined when the supervisor has no such process. */
export type ReadLog = (name: string) => Promise<readonly string[] | undefined>

/**
 * Reads the end of the log files that the supervisor writes. Only names that the supervisor knows lead to
 * a file, so no path comes from a request.
 */
export function openLogReader(
  supervisor: ControlClient,
  nameOf: (name: TargetName) => string,
): ReadLog {
  return async name => {
    const wanted = nameOf(name as TargetName)
    const status = (await supervisor.states()).find(each => each.name === wanted)
    if (status === undefined) return undefined
    const lines = (await readLogEnd(status.log, limits.log.bytesMax))
      .split('\n')
      .filter(line => line !== '')
    return lines.slice(-limits.log.linesMax)
  }
}
