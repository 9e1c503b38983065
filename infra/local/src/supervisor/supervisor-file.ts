import { readIfThere } from '../read-if-there.ts'
import type { ProcessSpec } from './process-spec.ts'
import { identify, isSame, type ProcessIdentity } from './process-table.ts'
import type { Family } from './process-tree.ts'

/** `run/supervisor.json`: how the commands find the supervisor, and prove that they may ask. */
export type SupervisorFile = Readonly<{ process: ProcessIdentity; url: string; token: string }>

/** `run/state.json`: enough to end what a killed supervisor has left behind. */
export type ProcessesFile = Readonly<{
  supervisor: ProcessIdentity
  processes: readonly Readonly<{
    spec: Pick<ProcessSpec, 'name' | 'kind' | 'stopSignal' | 'stopGraceMs'>
    family: Family
  }>[]
}>

/** Reads a file that the supervisor wrote; undefined when there is none. */
export async function readRunFile<T>(file: string): Promise<T | undefined> {
  const text = await readIfThere(file)
  return text === undefined ? undefined : JSON.parse(text)
}

/** Whether exactly this process still lives, and not another one under its number. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identify(identity.pid)
  return now !== undefined && isSame(now, identity)
}
