import { open } from 'node:fs/promises'
import type { TargetName } from '@nightshift/faults/injector/target'
import type { ControlClient } from '@nightshift/local/supervisor/control-client'
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
    const lines = (await readEnd(status.log, limits.log.bytesMax))
      .split('\n')
      .filter(line => line !== '')
    return lines.slice(-limits.log.linesMax)
  }
}

/** The last bytes of a file, from the begin of a line. */
export async function readEnd(file: string, bytesMax: number): Promise<string> {
  await using handle = await open(file, 'r')
  const { size } = await handle.stat()
  const from = Math.max(0, size - bytesMax)
  const { buffer, bytesRead } = await handle.read({
    buffer: Buffer.alloc(bytesMax),
    position: from,
  })
  const text = buffer.subarray(0, bytesRead).toString()
  // The first line was cut, unless the file begins here.
  return from === 0 ? text : text.slice(text.indexOf('\n') + 1)
}
