import { readRunFile } from '../supervisor/supervisor-file.ts'
import { writeWhole } from '../write-whole.ts'
import type { PartName } from './start-parts.ts'
import type { StatePaths } from './state.ts'

/** `run/system.json`: facts of the start that the supervisor does not have. */
export type SystemFile = Readonly<{
  /** Every port that must be free again after a stop. */
  ports: readonly number[]
  external: readonly Readonly<{ name: PartName; address: string }>[]
}>

/** Undefined when no system has been started, or the last one has been stopped. */
export function readSystemFile(state: StatePaths): Promise<SystemFile | undefined> {
  return readRunFile(state.system)
}

export function writeSystemFile(state: StatePaths, file: SystemFile): Promise<void> {
  return writeWhole(state.system, JSON.stringify(file))
}
