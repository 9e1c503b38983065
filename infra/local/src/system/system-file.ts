import { fieldsOf, readRunFile } from '../supervisor/supervisor-file.ts'
import { writeWhole } from '../write-whole.ts'
import type { PartName } from './start-parts.ts'
import type { StatePaths } from './state.ts'

/** `run/system.json`: facts of the start that the supervisor does not have. */
export type SystemFile = Readonly<{
  /** Every port that must be free again after a stop. */
  ports: readonly number[]
  external: readonly Readonly<{ name: PartName; address: string }>[]
}>

const portMax = 65_535

function isSystemFile(found: unknown): found is SystemFile {
  const { ports, external } = fieldsOf<SystemFile>(found)
  const isPort = (port: unknown) =>
    Number.isInteger(port) && Number(port) > 0 && Number(port) <= portMax
  const isPart = (part: unknown) =>
    Object.values(fieldsOf(part)).every(value => typeof value === 'string')
  return (
    Array.isArray(ports) && ports.every(isPort) && Array.isArray(external) && external.every(isPart)
  )
}

/** Undefined when no system has been started, or the last one has been stopped. */
export function readSystemFile(state: StatePaths): Promise<SystemFile | undefined> {
  return readRunFile(state.system, isSystemFile)
}

export function writeSystemFile(state: StatePaths, file: SystemFile): Promise<void> {
  return writeWhole(state.system, JSON.stringify(file))
}
