import { rm } from 'node:fs/promises'
import { type Static, type TSchema, Type } from 'typebox'
import { Check } from 'typebox/value'
import { isMisplaced, readIfThere } from '../read-if-there.ts'
import type { StatePaths } from '../system/state.ts'
import { stopWaves } from './process-spec.ts'
import { identify, isSame, type ProcessIdentity, readProcessTable } from './process-table.ts'
import { endTree, membersOf } from './process-tree.ts'

export const Identity = Type.Object({ pid: Type.Integer({ minimum: 1 }), startedAt: Type.String() })

/** `run/supervisor.json`: how the commands find the supervisor, and prove that they may ask. */
const SupervisorFile = Type.Object({
  process: Identity,
  url: Type.String({ pattern: '^http://127\\.0\\.0\\.1:\\d+$' }),
  token: Type.String({ minLength: 1 }),
})
export type SupervisorFile = Readonly<Static<typeof SupervisorFile>>

/** `run/state.json`: enough to end the processes that a killed supervisor has left behind. */
const ProcessesFile = Type.Object({
  supervisor: Identity,
  processes: Type.Array(
    Type.Object({
      spec: Type.Object({
        name: Type.String(),
        kind: Type.Enum(['part', 'simulator', 'service']),
        stopSignal: Type.Enum(['SIGTERM', 'SIGINT']),
        stopGraceMs: Type.Number({ minimum: 0 }),
      }),
      tree: Type.Object({ root: Identity, seen: Type.Array(Identity) }),
    }),
  ),
})
export type ProcessesFile = Readonly<Static<typeof ProcessesFile>>

export function readSupervisorFile(state: StatePaths): Promise<SupervisorFile | undefined> {
  return readRunFile(state.supervisor, SupervisorFile)
}

export function readProcessesFile(state: StatePaths): Promise<ProcessesFile | undefined> {
  return readRunFile(state.processes, ProcessesFile)
}

/**
 * Reads a file of `run/`; undefined when there is none, or another thing in its place. These files are
 * hints: the commands that repair a system need to work without them.
 */
export async function readRunFile<Schema extends TSchema>(
  file: string,
  schema: Schema,
): Promise<Static<Schema> | undefined> {
  try {
    const found: unknown = JSON.parse((await readIfThere(file)) ?? 'null')
    return Check(schema, found) ? found : undefined
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
