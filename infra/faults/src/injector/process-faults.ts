import { basename } from 'node:path'
import { readIfThere } from '@nightshift/local/read-if-there'
import type { ProcessStatus } from '@nightshift/local/supervisor/process-spec'
import { signalTree } from '@nightshift/local/supervisor/process-tree'
import { partNames } from '@nightshift/local/system/start-parts'
import { waitUntil } from '@nightshift/local/wait-until'
import { openFaultRecord } from './fault-record.ts'
import type { InjectorTarget, RecoveryTime, TargetName } from './target.ts'

/** The details of each fault in the log; the auditor recognizes a pause by its signal. */
const details = {
  kill: { fault: 'kill', signal: 'SIGKILL' },
  restart: { fault: 'restart', signal: 'SIGTERM' },
  freeze: { fault: 'freeze', signal: 'SIGSTOP' },
  stop: { fault: 'stop', signal: 'SIGTERM' },
} as const

/** Kafka takes the longest after a kill, because it reads its logs back. */
const recoveryMs = 60_000

export type ProcessFaults = Readonly<ReturnType<typeof openProcessFaults>>

/** Faults of a process: a service, a simulator or a part. */
export function openProcessFaults(target: InjectorTarget) {
  const { client, nameOf } = target
  const record = openFaultRecord(target.faults)

  /** The pid of its present instance. */
  async function runningPid(name: TargetName): Promise<number> {
    const { pid, state } = await statusOf(target, name)
    if (state === 'stopped') throw new Error(`${name} is stopped; start it first`)
    if (pid === undefined) throw new Error(`${name} has just ended; it is being restarted`)
    return pid
  }

  /** A fault from which the process recovers by itself. */
  async function injectAndWait(
    name: TargetName,
    fault: 'kill' | 'restart',
    inject: (pid: number) => Promise<unknown>,
  ): Promise<RecoveryTime> {
    const pid = await runningPid(name)
    // One fault at a time under one name: this one ends a pause.
    await record.endIfOpen('process', name)
    await record.begin('process', name, details[fault])
    const startedAt = performance.now()
    await inject(pid)
    await untilReady(target, name, pid)
    return record.endAfter('process', name, startedAt)
  }

  return {
    /** SIGKILL to the whole process group. Resolves when the supervisor has it ready again. */
    kill: (name: TargetName) =>
      injectAndWait(name, 'kill', () => client.signal(nameOf(name), 'SIGKILL')),
    /** Stops and starts it, as a deployment does. */
    restart: (name: TargetName) =>
      injectAndWait(name, 'restart', async pid => {
        await signalTree(pid, 'SIGCONT')
        const isPart = partNames.some(part => part === name)
        if (!isPart) return client.signal(nameOf(name), 'SIGTERM')
        // A part has its own stop signal: at SIGTERM, PostgreSQL waits for its clients to leave.
        await client.stop(nameOf(name))
        return client.start(nameOf(name))
      }),
    /** SIGSTOP to its whole process tree: it answers nothing and loses nothing. */
    async freeze(name: TargetName): Promise<void> {
      const pid = await runningPid(name)
      if (await isDocker(pid)) throw new Error(`${name} runs in Docker: use \`docker pause\``)
      if (await record.isOpen('process', name)) throw new Error(`${name} has a fault already`)
      await record.begin('process', name, details.freeze)
      await signalTree(pid, 'SIGSTOP')
    },
    /** SIGCONT. Resolves when it is ready, and tells whether the log had an open fault of it. */
    async thaw(name: TargetName): Promise<RecoveryTime & Readonly<{ wasFaulty: boolean }>> {
      const startedAt = performance.now()
      await signalTree(await runningPid(name), 'SIGCONT')
      const wasFaulty = await record.endIfOpen('process', name)
      await untilReady(target, name)
      return { recoveredAfterMs: Math.round(performance.now() - startedAt), wasFaulty }
    },
    /** The process stays down until it is started. */
    async stop(name: TargetName): Promise<void> {
      const pid = await runningPid(name)
      await record.endIfOpen('process', name)
      await record.begin('process', name, details.stop)
      await signalTree(pid, 'SIGCONT')
      await client.stop(nameOf(name))
    },
    async start(name: TargetName): Promise<RecoveryTime> {
      const startedAt = performance.now()
      await client.start(nameOf(name))
      await untilReady(target, name)
      await record.endIfOpen('process', name)
      return { recoveredAfterMs: Math.round(performance.now() - startedAt) }
    },
  }
}

/** The supervisor's status of a process. @throws when this system has no such process */
export async function statusOf(
  { client, nameOf }: Pick<InjectorTarget, 'client' | 'nameOf'>,
  name: TargetName,
): Promise<ProcessStatus> {
  const found = (await client.states()).find(each => each.name === nameOf(name))
  if (!found) throw new Error(`the system has no process ${name}`)
  return found
}

/**
 * Resolves when the process is ready, in another instance than the former one.
 * @throws with the reason when it takes longer than a minute
 */
export async function untilReady(
  target: InjectorTarget,
  name: TargetName,
  formerPid?: number,
): Promise<void> {
  let status: ProcessStatus | undefined
  const isBack = await waitUntil(async () => {
    status = await statusOf(target, name)
    return status.state === 'ready' && status.pid !== formerPid
  }, recoveryMs)
  if (isBack) return
  const why = status?.reason ?? `it is ${status?.state}`
  throw new Error(`${name} was not ready after ${recoveryMs / 1000} s: ${why}`)
}

/** Pausing the Docker client does nothing: its container goes on. */
async function isDocker(pid: number): Promise<boolean> {
  const commandLine = await readIfThere(`/proc/${pid}/cmdline`)
  const [program = ''] = commandLine?.split('\0') ?? []
  return basename(program) === 'docker'
}
