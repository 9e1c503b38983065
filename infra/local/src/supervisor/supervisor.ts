import { rm } from 'node:fs/promises'
import type { StatePaths } from '../system/state.ts'
import { writeLatest } from '../write-latest.ts'
import { restartBackoff } from './backoff.ts'
import { type Kept, keepRunning, type Overrides, type SupervisorEvent } from './keep-running.ts'
import type { ProcessSpec, ProcessStatus } from './process-spec.ts'
import {
  identify,
  type ProcessIdentity,
  type ProcessRow,
  readProcessTable,
  residentMiB,
} from './process-table.ts'
import { Refusal } from './refusal.ts'
import { stopWaves } from './stop-order.ts'
import type { ProcessesFile } from './supervisor-file.ts'

export type SupervisorStatus = Readonly<{
  pid: number
  startedAt: string
  /** Resident memory of the supervisor itself, in MiB. */
  memoryMiB: number
  /** In the order of their start. */
  processes: readonly ProcessStatus[]
}>

/** What can be asked of it. Each throws a `Refusal` for a name that is not kept. */
export type Supervisor = Readonly<{
  status: () => Promise<SupervisorStatus>
  /** The processes without their memory: cheap enough to ask many times a second. */
  states: () => readonly ProcessStatus[]
  /** Keeps one more process running; refuses if the name is taken or everything is going down. */
  add: (spec: ProcessSpec) => void
  signal: (name: string, signal: NodeJS.Signals) => boolean
  stop: (name: string) => Promise<void>
  start: (name: string, overrides: Overrides) => void
  /** Stops it and forgets it. */
  remove: (name: string) => Promise<void>
  /** Stops everything, services first. Nothing can be added from then on. */
  shutdown: () => Promise<void>
}>

const lookEveryMs = 2_000
const processesMax = 500

/** Keeps a set of processes running, and notes on disk which ones they are. */
export async function openSupervisor(
  state: StatePaths,
  baseEnv: Readonly<Record<string, string>>,
  report: (event: SupervisorEvent) => void,
): Promise<Supervisor> {
  const self = await identifySelf()
  const startedAt = new Date().toISOString()
  const kept = new Map<string, Kept>()
  const notes = writeLatest(state.processes, () => JSON.stringify(noteDown(self, kept.values())))
  const { changed } = notes
  const looking = setInterval(async () => {
    if (lookAtAll(kept.values(), await readProcessTable())) changed()
  }, lookEveryMs)
  let shutdown: { done: Promise<void> } | undefined

  function find(name: string): Kept {
    const found = kept.get(name)
    if (!found) throw new Refusal(404, `no process is called ${JSON.stringify(name)}`)
    return found
  }
  function refuseWhenGoingDown(): void {
    if (shutdown) throw new Refusal(409, 'the supervisor is shutting down')
  }

  return {
    async status() {
      const processes = await describeAll(kept.values())
      const memoryMiB = await residentMiB([process.pid])
      return { pid: process.pid, startedAt, memoryMiB, processes }
    },
    states: () => [...kept.values()].map(each => each.status()),
    add(spec) {
      const { name } = spec
      refuseWhenGoingDown()
      if (kept.has(name)) throw new Refusal(409, `${name} is already here`)
      if (kept.size >= processesMax) throw new Refusal(409, `it has ${processesMax} processes`)
      const { logs: logsDir } = state
      const each = keepRunning(spec, { logsDir, baseEnv, backoff: restartBackoff, report, changed })
      kept.set(name, each)
      each.start()
    },
    signal: (name, signal) => find(name).signal(signal),
    stop: name => find(name).stop(),
    start(name, overrides) {
      refuseWhenGoingDown()
      find(name).start(overrides)
    },
    async remove(name) {
      await find(name).stop()
      kept.delete(name)
    },
    shutdown() {
      shutdown ??= { done: stopAll() }
      return shutdown.done
    },
  }

  async function stopAll(): Promise<void> {
    const failures = await stopInWaves([...kept.values()])
    clearInterval(looking)
    await notes.settled()
    // The notes stay when something would not die: the next start or stop tries again.
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '))
    await rm(state.processes, { force: true })
  }
}

/** This process, as a later command will look for it. */
export async function identifySelf(): Promise<ProcessIdentity> {
  const self = await identify(process.pid)
  if (!self) throw new Error('the process table does not show this process')
  return self
}

function noteDown(supervisor: ProcessIdentity, kept: Iterable<Kept>): ProcessesFile {
  const processes = [...kept].flatMap(each => {
    const family = each.family()
    const { name, kind, stopSignal, stopGraceMs } = each.spec
    return family ? [{ spec: { name, kind, stopSignal, stopGraceMs }, family }] : []
  })
  return { supervisor, processes }
}

/** Remembers who belongs to whom while parents still live to tell; true if that has changed. */
function lookAtAll(kept: Iterable<Kept>, table: readonly ProcessRow[]): boolean {
  let hasChanged = false
  for (const each of kept) {
    const before = each.family()?.seen.map(row => row.pid) ?? []
    const now = each.look(table).map(row => row.pid)
    hasChanged ||= String(before) !== String(now)
  }
  return hasChanged
}

async function describeAll(kept: Iterable<Kept>): Promise<ProcessStatus[]> {
  const table = await readProcessTable()
  return Promise.all(
    [...kept].map(async each => {
      const pids = each.look(table).map(row => row.pid)
      const status = each.status()
      return pids.length === 0 ? status : { ...status, memoryMiB: await residentMiB(pids) }
    }),
  )
}

/** Goes on when one of them would not die, and answers the reasons. */
async function stopInWaves(kept: readonly Kept[]): Promise<unknown[]> {
  const failures: unknown[] = []
  for (const wave of stopWaves(kept)) {
    const stops = await Promise.allSettled(wave.map(each => each.stop()))
    failures.push(...stops.filter(stop => stop.status === 'rejected').map(stop => stop.reason))
  }
  return failures
}
