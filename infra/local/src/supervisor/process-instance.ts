import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { withLogFile } from './log-file.ts'
import type { ProcessSpec } from './process-spec.ts'
import { identify } from './process-table.ts'
import { endFamily, type Family, signalGroup } from './process-tree.ts'
import { type Readiness, watchReadiness } from './watch-readiness.ts'

/** One run of a process. `family` is absent if it ended before anybody could look at it. */
export type Life = { pid: number; family?: Family }

export type End = Readonly<{
  /** In words for a person. */
  reason: string
  exitCode?: number | null
  signal?: NodeJS.Signals | null
}>

export type LifeOptions = Readonly<{
  /** All of the child's environment. */
  env: Readonly<Record<string, string>>
  log: string
  /** Ends the life: by the stop signal, and when the grace is over by SIGKILL. */
  stop: AbortSignal
  born: (life: Life) => void
  follow: (readiness: Readiness) => void
  note: (event: string, details: Readonly<Record<string, unknown>>) => void
}>

/**
 * One life, from the spawn until nothing of it is left. Never rejects for what the process does; a
 * command that does not exist is a life that ended at once. Rejects if a stop cannot end it.
 */
export async function live(spec: ProcessSpec, options: LifeOptions): Promise<End> {
  const child = launch(spec, options)
  if (child instanceof Error) return { reason: child.message }
  const ended = endOf(child)
  if (child.pid === undefined) return await ended

  const life: Life = { pid: child.pid }
  const leader = await identify(life.pid)
  if (leader) life.family = { leader, seen: [] }
  options.born(life)

  const over = new AbortController()
  let tooLate: string | undefined
  void watchReadiness(spec, over.signal, readiness => {
    if (readiness.is !== 'late') return options.follow(readiness)
    tooLate = readiness.reason
    signalGroup(life.pid, 'SIGKILL')
  })
  const isAskedToStop = await Promise.race([
    ended.then(() => false),
    whenAborted(options.stop, over.signal).then(() => true),
  ])
  over.abort()
  await (isAskedToStop ? endLife(spec, life, options) : clearLeftovers(life, options))
  const end = await ended
  return tooLate === undefined ? end : { ...end, reason: tooLate }
}

function launch(spec: ProcessSpec, { log, env }: LifeOptions): ChildProcess | Error {
  const { command, args, cwd } = spec
  try {
    return withLogFile(log, descriptor =>
      spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', descriptor, descriptor] }),
    )
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

async function endLife(spec: ProcessSpec, { family }: Life, { note }: LifeOptions): Promise<void> {
  if (!family) return
  const { killed } = await endFamily(family, spec.stopSignal, spec.stopGraceMs)
  if (killed > 0) note('process.killed', { processes: killed, afterMs: spec.stopGraceMs })
}

/** What a dead leader leaves behind gets no grace: it would hold the ports of the next life. */
async function clearLeftovers({ pid, family }: Life, { note }: LifeOptions): Promise<void> {
  // At this moment the group can only be ours: its number is taken until the last member has gone.
  signalGroup(pid, 'SIGKILL')
  if (!family) return
  try {
    await endFamily(family, 'SIGKILL', 0)
  } catch (error) {
    // The next life may still succeed; if it does not, its own log says why.
    note('process.leftover', { reason: String(error) })
  }
}

/** How a child ended, or why it never began. Never rejects. */
async function endOf(child: ChildProcess): Promise<End> {
  try {
    const [exitCode, signal] = await once(child, 'exit')
    return { reason: signal ? `ended by ${signal}` : `exited with ${exitCode}`, exitCode, signal }
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) }
  }
}

/** Resolves on abort; forgets about it once `until` is aborted, so that lives leave no listeners. */
function whenAborted(signal: AbortSignal, until: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true, signal: until })
  })
}
