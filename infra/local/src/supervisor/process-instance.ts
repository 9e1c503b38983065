import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { copyLines, openLogFile } from './log-file.ts'
import type { ProcessSpec } from './process-spec.ts'
import { identify } from './process-table.ts'
import { endTree, type ProcessTree, signalGroup } from './process-tree.ts'
import { ignoreAbort, type Readiness, watchReadiness } from './watch-readiness.ts'

/** One run of a process. `tree` is absent if the process ended before the process table was read. */
export type ProcessInstance = { pid: number; tree?: ProcessTree }

export type End = Readonly<{
  /** In words for a person. */
  reason: string
  exitCode?: number | null
  signal?: NodeJS.Signals | null
}>

export type InstanceOptions = Readonly<{
  /** All of the child's environment. */
  env: Readonly<Record<string, string>>
  log: string
  /** Ends the instance: by the stop signal, and by SIGKILL when the grace is over. */
  stop: AbortSignal
  onSpawn: (instance: ProcessInstance) => void
  onReadiness: (readiness: Readiness) => void
  report: (event: string, details: Readonly<Record<string, unknown>>) => void
}>

/** A process that has left the tree, and goes on printing, is not waited for. */
const outputEndMs = 1_000

/**
 * Runs one instance, from the spawn until no process of its tree is left. Never rejects for what the
 * process does; a command that does not exist is an instance that ended at once. Rejects if a stop
 * cannot end it.
 */
export async function runInstance(spec: ProcessSpec, options: InstanceOptions): Promise<End> {
  const child = spawnChild(spec, options)
  if (child instanceof Error) return { reason: child.message }
  const ended = endOf(child)
  const closed = new Promise<void>(resolve => {
    child.once('close', () => resolve())
  })
  if (child.pid === undefined) return await ended

  const instance: ProcessInstance = { pid: child.pid }
  const root = await identify(instance.pid).catch(asError)
  if (root instanceof Error) {
    // What cannot be found again could not be stopped later, so it ends now and is started again.
    signalGroup(instance.pid, 'SIGKILL')
    return { ...(await ended), reason: `the process table cannot be read: ${root.message}` }
  }
  if (root) instance.tree = { root, seen: [] }
  options.onSpawn(instance)

  const over = new AbortController()
  let tooLate: string | undefined
  void watchReadiness(spec, over.signal, readiness => {
    if (readiness.is !== 'late') return options.onReadiness(readiness)
    tooLate = readiness.reason
    signalGroup(instance.pid, 'SIGKILL')
  })
  const isAskedToStop = await Promise.race([
    ended.then(() => false),
    whenAborted(options.stop, over.signal).then(() => true),
  ])
  over.abort()
  await (isAskedToStop ? stopInstance(spec, instance, options) : killRest(instance, options))
  const end = await ended
  await endOutput(child, closed)
  return tooLate === undefined ? end : { ...end, reason: tooLate }
}

/** The child prints to this process, which moves its log aside when that is full. */
function spawnChild(spec: ProcessSpec, options: InstanceOptions): ChildProcess | Error {
  const { command, args, cwd } = spec
  const { env, report } = options
  try {
    using open = new DisposableStack()
    const log = openLogFile(options.log, {
      onFailure: error => report('process.unlogged', { reason: String(error) }),
    })
    open.defer(log.close)
    const stdio = ['ignore', 'pipe', 'pipe'] as const
    const child = spawn(command, args, { cwd, env, detached: true, stdio: [...stdio] })
    for (const output of [child.stdout, child.stderr]) if (output) copyLines(output, log)
    const untilClosed = open.move()
    child.once('close', () => untilClosed.dispose())
    return child
  } catch (error) {
    return asError(error)
  }
}

/** Waits for what the process has printed and is not in its log yet. */
async function endOutput(child: ChildProcess, closed: Promise<void>): Promise<void> {
  const over = new AbortController()
  void closed.then(() => over.abort())
  await sleep(outputEndMs, undefined, { signal: over.signal }).catch(ignoreAbort)
  child.stdout?.destroy()
  child.stderr?.destroy()
}

async function stopInstance(
  spec: ProcessSpec,
  { tree }: ProcessInstance,
  { report }: InstanceOptions,
): Promise<void> {
  if (!tree) return
  const startedAt = performance.now()
  const { killed } = await endTree(tree, spec.stopSignal, spec.stopGraceMs)
  report('process.stopped', { afterMs: Math.round(performance.now() - startedAt) })
  if (killed > 0) report('process.killed', { processes: killed, afterMs: spec.stopGraceMs })
}

/** The descendants of a dead root get no grace: they would hold the ports of the next instance. */
async function killRest(
  { pid, tree }: ProcessInstance,
  { report }: InstanceOptions,
): Promise<void> {
  // At this moment the group can only be ours: its number is taken until the last member has gone.
  signalGroup(pid, 'SIGKILL')
  if (!tree) return
  try {
    await endTree(tree, 'SIGKILL', 0)
  } catch (error) {
    // The next instance may still succeed; if it does not, its own log says why.
    report('process.leftover', { reason: String(error) })
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

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

/** Resolves on abort. Once `until` is aborted its listener is removed, so that instances leave none. */
function whenAborted(signal: AbortSignal, until: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true, signal: until })
  })
}
