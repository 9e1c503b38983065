import { basename } from 'node:path'
import { readIfThere } from '@nightshift/local/read-if-there'
import type { ProcessStatus } from '@nightshift/local/supervisor/process-spec'
import { signalFamily } from '@nightshift/local/supervisor/signal-tree'
import { partNames } from '@nightshift/local/system/start-parts'
import { waitUntil } from '@nightshift/local/wait-until'
import { openNotes } from './fault-notes.ts'
import type { Back, BreakableName, InjectorTarget } from './target.ts'

/** What can be done to a process: a service, an outside party or a part. */
export type ProcessVerbs = Readonly<{
  /** SIGKILL to the whole process group. Resolves when the supervisor has brought it back. */
  kill: (name: BreakableName) => Promise<Back>
  /** As a deploy does it: asked to leave, and brought back. */
  restart: (name: BreakableName) => Promise<Back>
  /** SIGSTOP to it and to all that came of it: it answers nothing and forgets nothing. */
  freeze: (name: BreakableName) => Promise<void>
  /** SIGCONT. Resolves when it is ready, and tells whether the log said that it was broken. */
  thaw: (name: BreakableName) => Promise<Back & Readonly<{ wasBroken: boolean }>>
  /** Stays down until it is started. */
  stop: (name: BreakableName) => Promise<void>
  start: (name: BreakableName) => Promise<Back>
}>

/** How each verb is told in the log; the auditor reads a pause from the signal. */
const blows = {
  kill: { verb: 'kill', signal: 'SIGKILL' },
  restart: { verb: 'restart', signal: 'SIGTERM' },
  freeze: { verb: 'freeze', signal: 'SIGSTOP' },
  stop: { verb: 'stop', signal: 'SIGTERM' },
} as const

/** Kafka takes the longest after a kill, because it reads its logs back. */
const backMs = 60_000

/** The processes of one system. */
export function breakProcesses(target: InjectorTarget): ProcessVerbs {
  const { client, nameOf } = target
  const notes = openNotes(target.faults)

  /** The pid of its present life. */
  async function running(name: BreakableName): Promise<number> {
    const { pid, state } = await statusOf(target, name)
    if (state === 'stopped') throw new Error(`${name} is stopped; start it first`)
    if (pid === undefined) throw new Error(`${name} has just died; it is being brought back`)
    return pid
  }

  /** A blow that the supervisor heals by itself. */
  async function strike(
    name: BreakableName,
    verb: 'kill' | 'restart',
    blow: (pid: number) => Promise<unknown>,
  ): Promise<Back> {
    const pid = await running(name)
    // What was paused until now is not paused any more: one fault at a time under one name.
    await notes.endIfOpen('process', name)
    await notes.begin('process', name, blows[verb])
    const startedAt = performance.now()
    await blow(pid)
    await untilReady(target, name, pid)
    return notes.endAfter('process', name, startedAt)
  }

  return {
    kill: name => strike(name, 'kill', () => client.signal(nameOf(name), 'SIGKILL')),
    restart: name =>
      strike(name, 'restart', async pid => {
        await signalFamily(pid, 'SIGCONT')
        const isPart = partNames.some(part => part === name)
        if (!isPart) return client.signal(nameOf(name), 'SIGTERM')
        // A part has a stop signal of its own: at SIGTERM, PostgreSQL waits for its clients to go.
        await client.stop(nameOf(name))
        return client.start(nameOf(name))
      }),
    async freeze(name) {
      const pid = await running(name)
      if (await isDocker(pid)) throw new Error(`${name} runs in Docker: use \`docker pause\``)
      if (await notes.isOpen('process', name)) throw new Error(`${name} is broken already`)
      await notes.begin('process', name, blows.freeze)
      await signalFamily(pid, 'SIGSTOP')
    },
    async thaw(name) {
      const startedAt = performance.now()
      await signalFamily(await running(name), 'SIGCONT')
      const wasBroken = await notes.endIfOpen('process', name)
      await untilReady(target, name)
      return { backAfterMs: Math.round(performance.now() - startedAt), wasBroken }
    },
    async stop(name) {
      const pid = await running(name)
      await notes.endIfOpen('process', name)
      await notes.begin('process', name, blows.stop)
      await signalFamily(pid, 'SIGCONT')
      await client.stop(nameOf(name))
    },
    async start(name) {
      const startedAt = performance.now()
      await client.start(nameOf(name))
      await untilReady(target, name)
      await notes.endIfOpen('process', name)
      return { backAfterMs: Math.round(performance.now() - startedAt) }
    },
  }
}

/** What the supervisor says of it. @throws when this system has no such process */
export async function statusOf(
  { client, nameOf }: Pick<InjectorTarget, 'client' | 'nameOf'>,
  name: BreakableName,
): Promise<ProcessStatus> {
  const found = (await client.states()).find(each => each.name === nameOf(name))
  if (!found) throw new Error(`the system has no process ${name}`)
  return found
}

/**
 * Resolves when it is ready, in another life than the former one.
 * @throws with the reason when it takes longer than a minute
 */
export async function untilReady(
  target: InjectorTarget,
  name: BreakableName,
  formerPid?: number,
): Promise<void> {
  let status: ProcessStatus | undefined
  const isBack = await waitUntil(async () => {
    status = await statusOf(target, name)
    return status.state === 'ready' && status.pid !== formerPid
  }, backMs)
  if (isBack) return
  const why = status?.reason ?? `it is ${status?.state}`
  throw new Error(`${name} was not ready after ${backMs / 1000} s: ${why}`)
}

/** The client in the foreground is paused in vain; its container goes on. */
async function isDocker(pid: number): Promise<boolean> {
  const commandLine = await readIfThere(`/proc/${pid}/cmdline`)
  const [program = ''] = commandLine?.split('\0') ?? []
  return basename(program) === 'docker'
}
