import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Backoff, nextBackoffMs } from './backoff.ts'
import { type Life, live } from './process-instance.ts'
import type { ProcessSpec, ProcessStatus } from './process-spec.ts'
import type { ProcessRow } from './process-table.ts'
import { type Family, membersOf, signalGroup } from './process-tree.ts'
import { Refusal } from './refusal.ts'
import { ignoreAbort, type Readiness } from './watch-readiness.ts'

/** One line of the supervisor's own log. */
export type SupervisorEvent = Readonly<{ event: string; name: string; [detail: string]: unknown }>

export type KeepRunningOptions = Readonly<{
  logsDir: string
  /** What every child gets besides its own: PATH and HOME. */
  baseEnv: Readonly<Record<string, string>>
  backoff: Backoff
  report: (event: SupervisorEvent) => void
  /** Called when a life begins or ends: other processes belong to it now. */
  changed: () => void
}>

/** Settings on top of the spec's, until the next start or only for the one life that begins now. */
export type Overrides = Readonly<{ env: Readonly<Record<string, string>>; forOneLife?: boolean }>

/** A process that is started again whenever it ends, until told to stop. */
export type Kept = Readonly<{
  spec: ProcessSpec
  status: () => ProcessStatus
  /** The processes of the current life; undefined when there is none. */
  family: () => Family | undefined
  /** Picks the members of the family from a fresh table, and remembers them. */
  look: (table: readonly ProcessRow[]) => readonly ProcessRow[]
  /** To the whole process group; false when nothing runs. */
  signal: (signal: NodeJS.Signals) => boolean
  /** Starts it unless it runs. Refuses overrides while it runs: they would have no effect. */
  start: (overrides?: Overrides) => void
  /** Resolves when nothing of it is left. Throws if something would not die. */
  stop: () => Promise<void>
}>

const noOverrides: Overrides = { env: {} }

/** What is known of a kept process at this moment. */
type Now = {
  state: ProcessStatus['state']
  reason: string | undefined
  lastEnd: string | undefined
  restarts: number
  overrides: Overrides
  life: Life | undefined
}

/** Keeps one process running: a life, its end, a pause, the next life, for ever. */
export function keepRunning(spec: ProcessSpec, options: KeepRunningOptions): Kept {
  const { name } = spec
  const now: Now = {
    state: 'stopped',
    reason: undefined,
    lastEnd: undefined,
    restarts: 0,
    overrides: noOverrides,
    life: undefined,
  }
  let running: { stop: AbortController; done: Promise<void> } | undefined
  return {
    spec,
    status: () => statusOf(spec, now, options),
    family: () => now.life?.family,
    look: table => look(now.life, table),
    signal: signal => now.life !== undefined && signalGroup(now.life.pid, signal),
    start(overrides = noOverrides) {
      if (running?.stop.signal.aborted) throw new Refusal(409, `${name} is still stopping`)
      if (running && Object.keys(overrides.env).length > 0) {
        throw new Refusal(409, `${name} runs; stop it first to start it with other settings`)
      }
      if (running) return
      now.overrides = overrides
      const stop = new AbortController()
      running = { stop, done: liveAgainAndAgain(spec, now, options, stop.signal) }
    },
    async stop() {
      const stopping = running
      stopping?.stop.abort()
      await stopping?.done
      if (running === stopping) running = undefined
    },
  }
}

async function liveAgainAndAgain(
  spec: ProcessSpec,
  now: Now,
  options: KeepRunningOptions,
  stop: AbortSignal,
): Promise<void> {
  const { report, changed } = options
  const { name } = spec
  let waitedMs: number | undefined
  while (!stop.aborted) {
    const bornAt = Date.now()
    now.state = 'starting'
    const end = await live(spec, {
      env: { ...options.baseEnv, ...spec.env, ...now.overrides.env },
      log: logOf(spec, options),
      stop,
      born(life) {
        now.life = life
        changed()
      },
      follow(readiness) {
        Object.assign(now, stateAfter(readiness))
        const { reason } = now
        report({ event: `process.${readiness.is}`, name, ...(reason !== undefined && { reason }) })
      },
      note: (event, details) => report({ event, name, ...details }),
    })
    now.life = undefined
    if (now.overrides.forOneLife) now.overrides = noOverrides
    changed()
    if (stop.aborted) break
    waitedMs = nextBackoffMs(options.backoff, waitedMs, Date.now() - bornAt)
    now.restarts += 1
    now.state = 'backing-off'
    now.reason = end.reason
    now.lastEnd = end.reason
    report({ event: 'process.ended', name, ...end, restarts: now.restarts, restartInMs: waitedMs })
    await sleep(waitedMs, undefined, { signal: stop }).catch(ignoreAbort)
  }
  now.state = 'stopped'
  now.reason = undefined
}

function stateAfter(readiness: Readiness): Pick<Now, 'state' | 'reason'> {
  if (readiness.is === 'ready') return { state: 'ready', reason: readiness.note }
  return { state: 'unready', reason: readiness.reason }
}

function look(life: Life | undefined, table: readonly ProcessRow[]): readonly ProcessRow[] {
  if (!life?.family) return []
  const members = membersOf(life.family, table)
  life.family = { leader: life.family.leader, seen: members }
  return members
}

function statusOf(spec: ProcessSpec, now: Now, options: KeepRunningOptions): ProcessStatus {
  return {
    name: spec.name,
    kind: spec.kind,
    state: now.state,
    ...(spec.url === undefined ? {} : { url: spec.url }),
    ...(now.life === undefined ? {} : { pid: now.life.pid }),
    restarts: now.restarts,
    ...(now.reason === undefined ? {} : { reason: now.reason }),
    ...(now.lastEnd === undefined ? {} : { lastEnd: now.lastEnd }),
    log: logOf(spec, options),
  }
}

function logOf(spec: ProcessSpec, options: KeepRunningOptions): string {
  return join(options.logsDir, `${spec.name}.log`)
}
