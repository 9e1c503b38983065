import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StatePaths } from '../system/state.ts'
import { writeWhole } from '../write-whole.ts'
import {
  type KeptProcess,
  keepRunning,
  type Overrides,
  Refusal,
  restartBackoff,
  type SupervisorEvent,
} from './keep-running.ts'
import { type ProcessSpec, type ProcessStatus, stopWaves } from './process-spec.ts'
import {
  identifySelf,
  type ProcessIdentity,
  type ProcessRow,
  readProcessTable,
  residentMiB,
} from './process-table.ts'
import type { ProcessesFile } from './supervisor-file.ts'
import { ignoreAbort } from './watch-readiness.ts'

export type SupervisorStatus = Readonly<{
  pid: number
  startedAt: string
  /** Resident memory of the supervisor itself, in MiB. */
  memoryMiB: number
  /** In the order of their start. */
  processes: readonly ProcessStatus[]
}>

/** Each function throws a `Refusal` for a name that the supervisor does not keep. */
export type Supervisor = Readonly<{
  status: () => Promise<SupervisorStatus>
  /** The processes without their memory: cheap enough to ask many times a second. */
  states: () => readonly ProcessStatus[]
  /** Keeps one more process running; refuses if the name is taken or a shutdown has begun. */
  add: (spec: ProcessSpec) => void
  signal: (name: string, signal: NodeJS.Signals) => boolean
  stop: (name: string) => Promise<void>
  start: (name: string, overrides: Overrides) => void
  /** Stops the process and forgets it. */
  remove: (name: string) => Promise<void>
  /** Stops everything, services first. Nothing can be added from then on. */
  shutdown: () => Promise<void>
}>

const lookEveryMs = 2_000
const processesMax = 500

/** Keeps a set of processes running, and writes to disk which ones they are. */
export async function openSupervisor(
  state: StatePaths,
  baseEnv: Readonly<Record<string, string>>,
  report: (event: SupervisorEvent) => void,
): Promise<Supervisor> {
  const self = await identifySelf()
  const startedAt = new Date().toISOString()
  const kept = new Map<string, KeptProcess>()
  let lastWrite: Promise<void> = Promise.resolve()
  const reportFailure = (error: unknown) =>
    report({ event: 'supervisor.failed', name: 'supervisor', error: String(error) })
  const onChange = () => {
    const content = () => JSON.stringify(processesFile(self, kept.values()))
    lastWrite = lastWrite.then(() => writeWhole(state.processes, content())).catch(reportFailure)
  }
  const over = new AbortController()
  const look = async () => {
    if (lookAtAll(kept.values(), await readProcessTable())) onChange()
  }
  void lookAgain(look, lookEveryMs, over.signal, reportFailure)
  let shutdown: { done: Promise<void> } | undefined

  function find(name: string): KeptProcess {
    const found = kept.get(name)
    if (!found) throw new Refusal(404, `no process is called ${JSON.stringify(name)}`)
    return found
  }
  function refuseDuringShutdown(): void {
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
      refuseDuringShutdown()
      if (kept.has(name)) throw new Refusal(409, `${name} is already here`)
      if (kept.size >= processesMax) throw new Refusal(409, `it has ${processesMax} processes`)
      const options = { logsDir: state.logs, baseEnv, backoff: restartBackoff, report, onChange }
      const each = keepRunning(spec, options)
      kept.set(name, each)
      each.start()
    },
    signal: (name, signal) => find(name).signal(signal),
    stop: name => find(name).stop(),
    start(name, overrides) {
      refuseDuringShutdown()
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
    over.abort()
    await lastWrite
    // The file stays when a process could not be ended: the next start or stop tries again.
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '))
    await rm(state.processes, { force: true })
  }
}

/**
 * Looks at the processes until `over`. A look that fails is reported, and the next one may succeed:
 * the system runs without it, and is left alone.
 */
export async function lookAgain(
  look: () => Promise<void>,
  everyMs: number,
  over: AbortSignal,
  reportFailure: (error: unknown) => void,
): Promise<void> {
  while (!over.aborted) {
    await sleep(everyMs, undefined, { signal: over }).catch(ignoreAbort)
    if (!over.aborted) await look().catch(reportFailure)
  }
}

function processesFile(supervisor: ProcessIdentity, kept: Iterable<KeptProcess>): ProcessesFile {
  const processes = [...kept].flatMap(each => {
    const tree = each.tree()
    const { name, kind, stopSignal, stopGraceMs } = each.spec
    return tree ? [{ spec: { name, kind, stopSignal, stopGraceMs }, tree }] : []
  })
  return { supervisor, processes }
}

/** Remembers the members of each tree while their parents still live; true if one has changed. */
function lookAtAll(kept: Iterable<KeptProcess>, table: readonly ProcessRow[]): boolean {
  let hasChanged = false
  for (const each of kept) {
    const before = each.tree()?.seen.map(row => row.pid) ?? []
    const now = each.look(table).map(row => row.pid)
    hasChanged ||= String(before) !== String(now)
  }
  return hasChanged
}

async function describeAll(kept: Iterable<KeptProcess>): Promise<ProcessStatus[]> {
  const table = await readProcessTable()
  return Promise.all(
    [...kept].map(async each => {
      const pids = each.look(table).map(row => row.pid)
      const status = each.status()
      return pids.length === 0 ? status : { ...status, memoryMiB: await residentMiB(pids) }
    }),
  )
}

/** Goes on when one of them could not be ended, and answers the reasons. */
async function stopInWaves(kept: readonly KeptProcess[]): Promise<unknown[]> {
  const failures: unknown[] = []
  for (const wave of stopWaves(kept)) {
    const stops = await Promise.allSettled(wave.map(each => each.stop()))
    failures.push(...stops.filter(stop => stop.status === 'rejected').map(stop => stop.reason))
  }
  return failures
}
