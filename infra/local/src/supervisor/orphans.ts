import { rm } from 'node:fs/promises'
import type { StatePaths } from '../system/state.ts'
import { readProcessTable } from './process-table.ts'
import { endFamily, membersOf } from './process-tree.ts'
import { stopWaves } from './stop-order.ts'
import { isAlive, type ProcessesFile, readRunFile } from './supervisor-file.ts'

/**
 * Ends what a supervisor that was killed has left running, and removes its files. Answers the names
 * of the processes it found. Does nothing while that supervisor lives: then they are no orphans.
 */
export async function endOrphans(state: StatePaths): Promise<string[]> {
  const file = await readRunFile<ProcessesFile>(state.processes)
  if (file === undefined || (await isAlive(file.supervisor))) return []
  const ended: string[] = []
  for (const wave of stopWaves(file.processes)) {
    await Promise.all(
      wave.map(async ({ spec, family }) => {
        if (membersOf(family, await readProcessTable()).length === 0) return
        await endFamily(family, spec.stopSignal, spec.stopGraceMs)
        ended.push(spec.name)
      }),
    )
  }
  await rm(state.processes, { force: true })
  await rm(state.supervisor, { force: true })
  return ended
}
