import { type Static, Type } from 'typebox'
import { readRunFile } from '../supervisor/supervisor-file.ts'
import { writeWhole } from '../write-whole.ts'
import type { StatePaths } from './state.ts'

/** `run/system.json`: facts of the start that the supervisor does not have. */
const SystemFile = Type.Object({
  /** Every port that must be free again after a stop. */
  ports: Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 })),
  external: Type.Array(
    Type.Object({ name: Type.Enum(['postgres', 'redis', 'kafka']), address: Type.String() }),
  ),
})
export type SystemFile = Readonly<Static<typeof SystemFile>>

/** Undefined when no system has been started, or the last one has been stopped. */
export function readSystemFile(state: StatePaths): Promise<SystemFile | undefined> {
  return readRunFile(state.system, SystemFile)
}

export function writeSystemFile(state: StatePaths, file: SystemFile): Promise<void> {
  return writeWhole(state.system, JSON.stringify(file))
}
