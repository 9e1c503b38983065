import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ProcessInstance, runInstance } from './process-instance.ts'
import type { ProcessSpec, ProcessStatus } from './process-spec.ts'
import type { ProcessRow } from './process-table.ts'
import { membersOf, type ProcessTree, signalGroup } from './process-tree.ts'
import { ignoreAbort, type Readiness } from './watch-readiness.ts'

/** The supervisor will not do what it was asked, and says why; the caller can ask differently. */
export class Refusal extends Error {
  readonly statusCode: 401 | 404 | 409

  constructor(statusCode: Refusal['statusCode'], message: string) {
    super(message)
    this.statusCode = statusCode
  }
}

/** One line of the supervisor's own log. */
export type SupervisorEvent = Readonly<{ event: string; name: string; [detail: string]: unknown }>

export type Backoff = Readonly<{
  firstMs: number
  maxMs: number
  /** An instance that ran at least this long was healthy: the next restart is quick again. */
  healthyAfterMs: number
}>

/** Short enough that one crash is hardly noticed, long enough that a crash loop burns no core. */
export const restartBackoff: Backoff = { firstMs: 200, maxMs: 5_000, healthyAfterMs: 10_000 }

/** The pause before the next restart, after an instance that ran `ranMs` and a pause of `lastMs`. */
export function nextBackoffMs(backoff: Backoff, lastMs: number | undefined, ranMs: number) {
  if (lastMs === undefined || ranMs >= backoff.healthyAfterMs) return backoff.firstMs
  return Math.min(lastMs * 2, backoff.maxMs)
}

export type KeepRunningOptions = Readonly<{
  logsDir: string
  /** Every child gets these besides its own: PATH and HOME. */
  baseEnv: Readonly<Record<string, string>>
  backoff: Backoff
  report: (event: SupervisorEvent) => void
  /** Called when an instance begins or ends: the process tree is another one now. */
  onChange: () => void
}>

/** Settings on top of the spec's, until the next start or only for the instance that begins now. */
export type Overrides = Readonly<{
  env: Readonly<Record<string, string>>
  forOneInstance?: boolean
}>

/** A process that is started again whenever it ends, until it is stopped. */
export type KeptProcess = Readonly<{
  spec: ProcessSpec
  status: () => ProcessStatus
  /** Undefined when no instance runs. */
  tree: () => ProcessTree | undefined
  /** Picks the members of the tree from a fresh process table, and remembers them. */
  look: (table: readonly ProcessRow[]) => readonly ProcessRow[]
  /** To the whole process group; false when nothing runs. */
  signal: (signal: NodeJS.Signals) => boolean
  /** Starts it unless it runs. Refuses overrides while it runs: they would have no effect. */
  start: (overrides?: Overrides) => void
  /** Resolves when no process of its tree is left. Throws if one can not be ended. */
  stop: () => Promise<void>
}>

const noOverrides: Overrides = { env: {} }

/** The present state of a kept process. */
type Current = {
  state: ProcessStatus['state']
  reason: string | undefined
  lastEnd: string | undefined
  restarts: number
  overrides: Overrides
  instance: ProcessInstance | undefined
}

/** Keeps one process running: an instance, its end, a pause, the next instance, until a stop. */
export function keepRunning(spec: ProcessSpec, options: KeepRunningOptions): KeptProcess {
  const { name } = spec
  const current: Current = {
    state: 'stopped',
    reason: undefined,
    lastEnd: undefined,
    restarts: 0,
    overrides: noOverrides,
    instance: undefined,
  }
  let running: { stop: AbortController; done: Promise<void> } | undefined
  return {
    spec,
    status: () => statusOf(spec, current, options),
    tree: () => current.instance?.tree,
    look: table => look(current.instance, table),
    signal: signal => current.instance !== undefined && signalGroup(current.instance.pid, signal),
    start(overrides = noOverrides) {
      if (running?.stop.signal.aborted) throw new Refusal(409, `${name} is still stopping`)
      if (running && Object.keys(overrides.env).length > 0) {
        throw new Refusal(409, `${name} runs; stop it first to start it with other settings`)
      }
      if (running) return
      current.overrides = overrides
      const stop = new AbortController()
      running = { stop, done: runUntilStopped(spec, current, options, stop.signal) }
    },
    async stop() {
      const stopping = running
      stopping?.stop.abort()
      await stopping?.done
      if (running === stopping) running = undefined
    },
  }
}

async function runUntilStopped(
  spec: ProcessSpec,
  current: Current,
  options: KeepRunningOptions,
  stop: AbortSignal,
): Promise<void> {
  const { report, onChange } = options
  const { name } = spec
  let waitedMs: number | undefined
  while (!stop.aborted) {
    const startedAt = Date.now()
    current.state = 'starting'
    const end = await runInstance(spec, {
      env: { ...options.baseEnv, ...spec.env, ...current.overrides.env },
      log: logOf(spec, options),
      stop,
      onSpawn(instance) {
        current.instance = instance
        onChange()
      },
      onReadiness(readiness) {
        Object.assign(current, stateAfter(readiness))
        const { reason } = current
        report({ event: `process.${readiness.is}`, name, ...(reason !== undefined && { reason }) })
      },
      report: (event, details) => report({ event, name, ...details }),
    })
    current.instance = undefined
    if (current.overrides.forOneInstance) current.overrides = noOverrides
    onChange()
    if (stop.aborted) break
    waitedMs = nextBackoffMs(options.backoff, waitedMs, Date.now() - startedAt)
    current.restarts += 1
    current.state = 'backing-off'
    current.reason = end.reason
    current.lastEnd = end.reason
    const { restarts } = current
    report({ event: 'process.ended', name, ...end, restarts, restartInMs: waitedMs })
    await sleep(waitedMs, undefined, { signal: stop }).catch(ignoreAbort)
  }
  current.state = 'stopped'
  current.reason = undefined
}

function stateAfter(readiness: Readiness): Pick<Current, 'state' | 'reason'> {
  if (readiness.is === 'ready') return { state: 'ready', reason: readiness.note }
  return { state: 'unready', reason: readiness.reason }
}

function look(
  instance: ProcessInstance | undefined,
  table: readonly ProcessRow[],
): readonly ProcessRow[] {
  if (!instance?.tree) return []
  const members = membersOf(instance.tree, table)
  instance.tree = { root: instance.tree.root, seen: members }
  return members
}

function statusOf(
  spec: ProcessSpec,
  { state, restarts, reason, lastEnd, instance }: Current,
  options: KeepRunningOptions,
): ProcessStatus {
  return {
    name: spec.name,
    kind: spec.kind,
    state,
    ...(spec.url !== undefined && { url: spec.url }),
    ...(instance !== undefined && { pid: instance.pid }),
    restarts,
    ...(reason !== undefined && { reason }),
    ...(lastEnd !== undefined && { lastEnd }),
    log: logOf(spec, options),
  }
}

function logOf(spec: ProcessSpec, options: KeepRunningOptions): string {
  return join(options.logsDir, `${spec.name}.log`)
}
