import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { repoRoot } from '@nightshift/local/system/state'
import { describeMachine } from './machine.ts'

/** The commit that a figure belongs to, and whether the working tree had changes on top of it. */
export type Commit = Readonly<{ commit: string; dirty: boolean }>

type Run<Kind extends string> = Readonly<{
  name: string
  kind: Kind
  title: string
  /** The command that repeats the run. */
  command: string
  seed: number
}>

/** Every file of `load-tests/results` begins like this: what was run, from which commit, on which machine. */
export async function resultHead<Kind extends string>(run: Run<Kind>, commit: Commit) {
  return {
    name: run.name,
    kind: run.kind,
    title: run.title,
    command: run.command,
    commit: commit.commit,
    dirty: commit.dirty,
    seed: run.seed,
    date: new Date().toISOString(),
    machine: await describeMachine(),
    sharedCores: true,
  }
}

export async function describeCommit(): Promise<Commit> {
  const git = async (...args: string[]) =>
    (await promisify(execFile)('git', args, { cwd: repoRoot })).stdout.trim()
  const commit = await git('rev-parse', 'HEAD')
  return { commit, dirty: (await git('status', '--porcelain')) !== '' }
}
