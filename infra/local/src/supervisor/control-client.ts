import { askJson } from '../ask-json.ts'
import type { StatePaths } from '../system/state.ts'
import type { Overrides } from './keep-running.ts'
import type { ProcessSpec, ProcessStatus } from './process-spec.ts'
import type { SupervisorStatus } from './supervisor.ts'
import { isAlive, readSupervisorFile, type SupervisorFile } from './supervisor-file.ts'

const answerTimeoutMs = 5_000
/** One process: its grace, the kill deadline, and some reserve. */
const stopTimeoutMs = 40_000
/** Three waves of processes, one after the other. */
export const shutdownTimeoutMs = 120_000

export type ControlClient = Readonly<ReturnType<typeof controlClient>>

/** A client of a supervisor. Every call throws with the supervisor's reason when it refuses. */
export function controlClient({ url, token }: Pick<SupervisorFile, 'url' | 'token'>) {
  function ask(method: string, path: string, timeoutMs: number, body?: object): Promise<unknown> {
    const headers = { authorization: `Bearer ${token}` }
    return askJson(method, `${url}${path}`, { body, headers, timeoutMs })
  }
  return {
    /** It opens the other control APIs of the system, too. */
    token,
    url,
    async status(): Promise<SupervisorStatus> {
      return (await ask('GET', '/status', answerTimeoutMs)) as SupervisorStatus
    },
    /** The processes without their memory: cheap enough to ask many times a second. */
    async states(): Promise<readonly ProcessStatus[]> {
      return (await ask('GET', '/processes', answerTimeoutMs)) as readonly ProcessStatus[]
    },
    async add(spec: ProcessSpec): Promise<void> {
      await ask('POST', '/processes', answerTimeoutMs, spec)
    },
    /** To the whole process group; false when nothing runs under that name. */
    async signal(name: string, signal: NodeJS.Signals): Promise<boolean> {
      const answer = await ask('POST', `/processes/${name}/signal`, answerTimeoutMs, { signal })
      return (answer as { sent: boolean }).sent
    },
    /** Returns when no process of its tree is left. */
    async stop(name: string): Promise<void> {
      await ask('POST', `/processes/${name}/stop`, stopTimeoutMs)
    },
    /** The overrides are set on top of the process's own settings. */
    async start(name: string, overrides: Overrides = { env: {} }): Promise<void> {
      await ask('POST', `/processes/${name}/start`, answerTimeoutMs, overrides)
    },
    async remove(name: string): Promise<void> {
      await ask('DELETE', `/processes/${name}`, stopTimeoutMs)
    },
    /** Returns when everything has ended; the supervisor itself ends right after. */
    async shutdown(): Promise<void> {
      await ask('POST', '/shutdown', shutdownTimeoutMs)
    },
  }
}

/** The supervisor of a state directory, or undefined when none is alive. */
export async function findSupervisor(state: StatePaths): Promise<ControlClient | undefined> {
  const file = await readSupervisorFile(state)
  return file && (await isAlive(file.process)) ? controlClient(file) : undefined
}
