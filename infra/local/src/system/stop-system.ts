import { rm } from 'node:fs/promises'
import { isTaken } from '../ports/free-ports.ts'
import { findPortHolder } from '../ports/port-holder.ts'
import {
  type ControlClient,
  controlClient,
  shutdownTimeoutMs,
} from '../supervisor/control-client.ts'
import type { ProcessIdentity } from '../supervisor/process-table.ts'
import { killProcess, sendSignal } from '../supervisor/process-tree.ts'
import {
  endOrphans,
  isAlive,
  readProcessesFile,
  readSupervisorFile,
} from '../supervisor/supervisor-file.ts'
import { waitUntil } from '../wait-until.ts'
import { interruptStart, recordStop } from './start-claim.ts'
import type { StatePaths } from './state.ts'
import { readSystemFile } from './system-file.ts'

export type Stopped = Readonly<{
  /** The process of a start that was under way, and has been interrupted. */
  interrupted?: number

  /** The processes that were running, in the order of their start. */
  names: readonly string[]
  /** Ports that are still taken, each with its process; empty unless something is wrong. */
  portsLeft: readonly string[]
}>

const supervisorGoneMs = 5_000
/** A supervisor that is only sent a signal stops everything first. */
const signalledGoneMs = shutdownTimeoutMs + supervisorGoneMs

/** Stops a system, or a start that is under way, and wins over a start that began before. */
export async function stopSystem(state: StatePaths): Promise<Stopped> {
  await recordStop(state)
  const interrupted = await interruptStart(state)
  const stopped = await stopProcesses(state)
  return { ...stopped, ...(interrupted !== undefined && { interrupted }) }
}

/**
 * Stops everything of a state directory and checks that it has ended. Idempotent. A supervisor that
 * was killed, or does not answer, is no obstacle: its file lists its processes.
 */
export async function stopProcesses(state: StatePaths): Promise<Stopped> {
  const names = (await shutDown(state)) ?? (await endOrphans(state))
  const system = await readSystemFile(state)
  const portsLeft: string[] = []
  for (const port of system?.ports ?? []) {
    if (!(await isTaken(port))) continue
    portsLeft.push(`port ${port}: ${(await findPortHolder(port)) ?? 'another process'}`)
  }
  // A broken file is left: the next start replaces it.
  if (system && portsLeft.length === 0) await rm(state.system, { force: true })
  return { names, portsLeft }
}

/** Lets the supervisor end everything; undefined when none lives, or it had to be killed. */
async function shutDown(state: StatePaths): Promise<string[] | undefined> {
  const file = await readSupervisorFile(state)
  if (file && (await isAlive(file.process))) {
    return end(file.process, () => askToEnd(controlClient(file), file.process))
  }
  // Its address may be lost, but it is the one that wrote which processes it has.
  const left = await readProcessesFile(state)
  if (!left || !(await isAlive(left.supervisor))) return undefined
  const names = left.processes.map(({ spec }) => spec.name)
  return end(left.supervisor, async () => {
    sendSignal(left.supervisor.pid, 'SIGTERM')
    return (await isGone(left.supervisor, signalledGoneMs)) ? names : undefined
  })
}

/** Ends a supervisor by a gentle way that answers names, or else by SIGKILL; throws if it survives that. */
async function end(
  supervisor: ProcessIdentity,
  gently: () => Promise<string[] | undefined>,
): Promise<string[] | undefined> {
  try {
    const names = await gently()
    if (names) return names
  } catch (error) {
    // Another command may have stopped it at the same moment.
    if (await isGone(supervisor, supervisorGoneMs)) return undefined
    process.stderr.write(
      `The supervisor could not stop everything (${error}); ending its processes instead.\n`,
    )
  }
  await killProcess(supervisor)
  return undefined
}

async function askToEnd(
  client: ControlClient,
  supervisor: ProcessIdentity,
): Promise<string[] | undefined> {
  const processes = await client.states()
  await client.shutdown()
  const hasEnded = await isGone(supervisor, supervisorGoneMs)
  return hasEnded ? processes.map(({ name }) => name) : undefined
}

function isGone(supervisor: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  return waitUntil(async () => !(await isAlive(supervisor)), timeoutMs)
}
