import { join, resolve } from 'node:path'

/** The root of the repository, whatever directory a command was started in. */
export const repoRoot = resolve(import.meta.dirname, '../../../..')

/** Where a local system keeps what it makes. Everything below `dir` can be deleted at any time. */
export type StatePaths = Readonly<{
  dir: string
  /** Downloaded parts. Outlives a reset, because fetching them again takes minutes. */
  tools: string
  data: string
  logs: string
  /** What the supervisor leaves behind for the commands that look for it. */
  run: string
  secrets: string
  /** Address, token and pid of the running supervisor; absent when none runs. */
  supervisor: string
  /** The processes that the supervisor has started, for the case that it is killed. */
  processes: string
  /** What `npm start` has set up, for the commands that come after it. */
  system: string
}>

/** The layout of a state directory: the repository's own, or a test's throw-away one. */
export function statePaths(dir: string = join(repoRoot, '.nightshift')): StatePaths {
  const run = join(dir, 'run')
  return {
    dir,
    tools: join(dir, 'tools'),
    data: join(dir, 'data'),
    logs: join(dir, 'logs'),
    run,
    secrets: join(dir, 'secrets.json'),
    supervisor: join(run, 'supervisor.json'),
    processes: join(run, 'state.json'),
    system: join(run, 'system.json'),
  }
}
