import { waitUntil } from '../wait-until.ts'
import type { ControlClient } from './control-client.ts'
import type { ProcessStatus } from './process-spec.ts'
import { readLogEnd } from './read-log.ts'

/** One crash can be a race with a dependency; this many are a fault. */
const restartsMax = 3
const logLinesShown = 15
const logBytesRead = 16 * 1024

/**
 * Waits until all these processes are ready. Throws when one keeps ending, or when the time is up,
 * with its reason and the last lines of its log.
 */
export async function awaitReady(
  client: ControlClient,
  names: readonly string[],
  timeoutMs: number,
): Promise<readonly ProcessStatus[]> {
  const before = new Map((await look()).map(status => [status.name, status.restarts]))
  let statuses: ProcessStatus[] = []
  const isOver = async () => {
    statuses = await look()
    return statuses.every(isReady) || statuses.some(keepsEnding)
  }
  await waitUntil(isOver, timeoutMs)
  const failed = statuses.find(keepsEnding) ?? statuses.find(status => !isReady(status))
  if (failed) throw new Error(await describeFailure(failed))
  return statuses

  async function look(): Promise<ProcessStatus[]> {
    const processes = await client.states()
    return names.map(name => {
      const status = processes.find(each => each.name === name)
      if (!status) throw new Error(`the supervisor has no process ${name}`)
      return status
    })
  }
  function keepsEnding({ name, restarts }: ProcessStatus): boolean {
    return restarts - (before.get(name) ?? 0) >= restartsMax
  }
}

function isReady({ state }: ProcessStatus): boolean {
  return state === 'ready'
}

async function describeFailure({ name, state, reason, log }: ProcessStatus): Promise<string> {
  const lines = await lastLines(log, logLinesShown)
  const why = reason ?? `it is ${state}`
  return [`${name} did not become ready: ${why}.`, `The end of ${log}:`, ...lines].join('\n')
}

/** The last lines of a log; none when there is no log. */
export async function lastLines(file: string, count: number): Promise<string[]> {
  const text = (await readLogEnd(file, logBytesRead)).trimEnd()
  return text === '' ? [] : text.split('\n').slice(-count)
}
