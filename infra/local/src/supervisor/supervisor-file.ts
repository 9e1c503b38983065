import { rm } from 'node:fs/promises'
import { isMisplaced, readIfThere } from '../read-if-there.ts'
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

// A schema library would say this in fewer lines, and cost each command a quarter of a second.
export function isIdentity(found: unknown): found is ProcessIdentity {
  const { pid, startedAt } = fieldsOf<ProcessIdentity>(found)
  return Number.isInteger(pid) && Number(pid) > 0 && typeof startedAt === 'string'
}

function isSupervisorFile(found: unknown): found is SupervisorFile {
  const { process, url, token } = fieldsOf<SupervisorFile>(found)
  const isOurUrl = /^http:\/\/127\.0\.0\.1:\d+$/.test(String(url))
  return isIdentity(process) && isOurUrl && typeof token === 'string' && token !== ''
}

function isProcessesFile(found: unknown): found is ProcessesFile {
  const { supervisor, processes } = fieldsOf<ProcessesFile>(found)
  return isIdentity(supervisor) && Array.isArray(processes) && processes.every(isLeftProcess)
}

function isLeftProcess(found: unknown): boolean {
  const { spec, tree } = fieldsOf<ProcessesFile['processes'][number]>(found)
  const { name, kind, stopSignal, stopGraceMs } = fieldsOf<ProcessSpec>(spec)
  const { root, seen } = fieldsOf<ProcessTree>(tree)
  const hasWords = typeof name === 'string' && typeof kind === 'string'
  const canStop = /^SIG(TERM|INT)$/.test(String(stopSignal)) && typeof stopGraceMs === 'number'
  return hasWords && canStop && isIdentity(root) && Array.isArray(seen) && seen.every(isIdentity)
}

/** Nothing is known about the fields of what was found, not even that there are any. */
export function fieldsOf<T>(found: unknown): Partial<Record<keyof T, unknown>> {
  return typeof found === 'object' && found !== null ? found : {}
}

export function readSupervisorFile(state: StatePaths): Promise<SupervisorFile | undefined> {
  return readRunFile(state.supervisor, isSupervisorFile)
}

export function readProcessesFile(state: StatePaths): Promise<ProcessesFile | undefined> {
  return readRunFile(state.processes, isProcessesFile)
}

/**
 * Reads a file of `run/`; undefined when there is none, or another thing in its place. These files are
 * hints: the commands that repair a system need to work without them.
 */
export async function readRunFile<T>(
  file: string,
  isRight: (found: unknown) => found is T,
): Promise<T | undefined> {
  try {
    const found: unknown = JSON.parse((await readIfThere(file)) ?? 'null')
    return isRight(found) ? found : undefined
  } catch (error) {
    if (error instanceof SyntaxError || isMisplaced(error)) return undefined
    throw error
  }
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
  const file = await readProcessesFile(state)
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
  await rm(state.supervisor, { recursive: true, force: true })
  return ended
}
