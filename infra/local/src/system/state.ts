import { join, resolve } from 'node:path'

/** The root of the repository, whatever directory a command was started in. */
export const repoRoot = resolve(import.meta.dirname, '../../../..')

/** The files of a local system. Everything below `dir` can be deleted at any time. */
export type StatePaths = Readonly<{
  dir: string
  /** Downloaded parts. Outlives a reset, because fetching them again takes minutes. */
  tools: string
  /** What Node has compiled of our files. */
  compileCache: string
  data: string
  logs: string
  /** Files by which the commands find the supervisor and its processes. */
  run: string
  secrets: string
  /** When the system was last told to stop. */
  stopped: string
  /** Address, token and pid of the running supervisor; absent when none runs. */
  supervisor: string
  /** The processes that the supervisor has started, in case it is killed. */
  processes: string
  /** The command that starts the system, while it does. */
  start: string
  /** The ports and external parts of the running system, for later commands. */
  system: string
}>

/** The layout of a state directory: the repository's own, or a test's throw-away one. */
export function statePaths(dir: string = join(repoRoot, '.nightshift')): StatePaths {
  const run = join(dir, 'run')
  return {
    dir,
    tools: join(dir, 'tools'),
    compileCache: join(dir, 'compile-cache'),
    data: join(dir, 'data'),
    logs: join(dir, 'logs'),
    run,
    secrets: join(dir, 'secrets.json'),
    stopped: join(dir, 'stopped.json'),
    supervisor: join(run, 'supervisor.json'),
    processes: join(run, 'state.json'),
    start: join(run, 'start.json'),
    system: join(run, 'system.json'),
  }
}
