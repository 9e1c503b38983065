import type { StatePaths } from '../system/state.ts'
import type { Overrides } from './keep-running.ts'
import type { ProcessSpec, ProcessStatus } from './process-spec.ts'
import type { SupervisorStatus } from './supervisor.ts'
import { isAlive, readRunFile, type SupervisorFile } from './supervisor-file.ts'

/** Asks a supervisor. Every call throws with the supervisor's own words when it refuses. */
export type ControlClient = Readonly<{
  status: () => Promise<SupervisorStatus>
  /** The processes without their memory: cheap enough to ask many times a second. */
  states: () => Promise<readonly ProcessStatus[]>
  add: (spec: ProcessSpec) => Promise<void>
  /** To the whole process group; false when nothing runs under that name. */
  signal: (name: string, signal: NodeJS.Signals) => Promise<boolean>
  /** Returns when no process of its tree is left. */
  stop: (name: string) => Promise<void>
  /** The overrides are set on top of the process's own settings. */
  start: (name: string, overrides?: Overrides) => Promise<void>
  remove: (name: string) => Promise<void>
  /** Returns when everything has ended; the supervisor itself ends right after. */
  shutdown: () => Promise<void>
}>

const answerTimeoutMs = 5_000
/** One process: its grace, the kill deadline, and some reserve. */
const stopTimeoutMs = 40_000
/** Three waves of processes, one after the other. */
const shutdownTimeoutMs = 120_000

/** A client for a supervisor whose address and token are known. */
export function controlClient({
  url,
  token,
}: Pick<SupervisorFile, 'url' | 'token'>): ControlClient {
  async function ask<T>(
    method: string,
    path: string,
    timeoutMs: number,
    body?: unknown,
  ): Promise<T> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(timeoutMs),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const answer = JSON.parse(await response.text())
    if (!response.ok) throw new Error(answer.message)
    return answer
  }
  const pathOf = (name: string) => `/processes/${name}`
  return {
    status: () => ask('GET', '/status', answerTimeoutMs),
    states: () => ask('GET', '/processes', answerTimeoutMs),
    add: spec => ask('POST', '/processes', answerTimeoutMs, spec),
    async signal(name, signal) {
      const path = `${pathOf(name)}/signal`
      const { sent } = await ask<{ sent: boolean }>('POST', path, answerTimeoutMs, { signal })
      return sent
    },
    stop: name => ask('POST', `${pathOf(name)}/stop`, stopTimeoutMs),
    start: (name, overrides = { env: {} }) =>
      ask('POST', `${pathOf(name)}/start`, answerTimeoutMs, overrides),
    remove: name => ask('DELETE', pathOf(name), stopTimeoutMs),
    shutdown: () => ask('POST', '/shutdown', shutdownTimeoutMs),
  }
}

/** The supervisor of a state directory, or undefined when none is alive. */
export async function findSupervisor(state: StatePaths): Promise<ControlClient | undefined> {
  const file = await readRunFile<SupervisorFile>(state.supervisor)
  return file && (await isAlive(file.process)) ? controlClient(file) : undefined
}
