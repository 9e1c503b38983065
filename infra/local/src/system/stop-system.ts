import { rm } from 'node:fs/promises'
import { isTaken } from '../ports/free-ports.ts'
import { findPortHolder } from '../ports/port-holder.ts'
import { controlClient } from '../supervisor/control-client.ts'
import {
  endOrphans,
  isAlive,
  readRunFile,
  type SupervisorFile,
} from '../supervisor/supervisor-file.ts'
import { waitUntil } from '../wait-until.ts'
import type { StatePaths } from './state.ts'
import { readSystemFile } from './system-file.ts'

export type Stopped = Readonly<{
  /** The processes that were running, in the order of their start. */
  names: readonly string[]
  /** Ports that are still taken, each with its process; empty unless something is wrong. */
  portsLeft: readonly string[]
}>

const supervisorGoneMs = 5_000

/**
 * Stops everything of a state directory and checks that it has ended. Idempotent. A supervisor that
 * was killed, or does not answer, is no obstacle: its file lists its processes.
 */
export async function stopSystem(state: StatePaths): Promise<Stopped> {
  const names = (await shutDown(state)) ?? (await endOrphans(state))
  const system = await readSystemFile(state)
  const portsLeft: string[] = []
  for (const port of system?.ports ?? []) {
    if (!(await isTaken(port))) continue
    portsLeft.push(`port ${port}: ${(await findPortHolder(port)) ?? 'another process'}`)
  }
  if (portsLeft.length === 0) await rm(state.system, { force: true })
  return { names, portsLeft }
}

/** Asks the supervisor to end everything; undefined when none answers. */
async function shutDown(state: StatePaths): Promise<string[] | undefined> {
  const file = await readRunFile<SupervisorFile>(state.supervisor)
  if (!file || !(await isAlive(file.process))) return undefined
  const client = controlClient(file)
  try {
    const { processes } = await client.status()
    await client.shutdown()
    const isGone = async () => !(await isAlive(file.process))
    if (await waitUntil(isGone, supervisorGoneMs)) return processes.map(({ name }) => name)
  } catch (error) {
    process.stderr.write(
      `The supervisor could not stop everything (${error}); ending its processes instead.\n`,
    )
  }
  if (await isAlive(file.process)) process.kill(file.process.pid, 'SIGKILL')
  await waitUntil(async () => !(await isAlive(file.process)), supervisorGoneMs)
  return undefined
}
