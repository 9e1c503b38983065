import { rm } from 'node:fs/promises'
import { readIfThere } from '../read-if-there.ts'
import type { StatePaths } from '../system/state.ts'
import { type ProcessSpec, stopWaves } from './process-spec.ts'
import { identify, isSame, type ProcessIdentity, readProcessTable } from './process-table.ts'
import { endTree, membersOf, type ProcessTree } from './process-tree.ts'

/** `run/supervisor.json`: how the commands find the supervisor, and prove that they may ask. */
export type SupervisorFile = Readonly<{ process: ProcessIdentity; url: string; token: string }>

/** `run/state.json`: enough to end the processes that a killed supervisor has left behind. */
export type ProcessesFile = Readonly<{
  supervisor: ProcessIdentity
  processes: readonly Readonly<{
    spec: Pick<ProcessSpec, 'name' | 'kind' | 'stopSignal' | 'stopGraceMs'>
    tree: ProcessTree
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

/**
 * Ends the processes that a killed supervisor has left running, and removes its files. Answers their
 * names. Does nothing while that supervisor lives: then they are no orphans.
 */
export async function endOrphans(state: StatePaths): Promise<string[]> {
  const file = await readRunFile<ProcessesFile>(state.processes)
  if (file === undefined || (await isAlive(file.supervisor))) return []
  const ended: string[] = []
  for (const wave of stopWaves(file.processes)) {
    await Promise.all(
      wave.map(async ({ spec, tree }) => {
        if (membersOf(tree, await readProcessTable()).length === 0) return
        await endTree(tree, spec.stopSignal, spec.stopGraceMs)
        ended.push(spec.name)
      }),
    )
  }
  await rm(state.processes, { force: true })
  await rm(state.supervisor, { force: true })
  return ended
}
