import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Commit } from '@nightshift/load-tests/experiments/result-head'
import { repoRoot } from '../system/state.ts'

/** A figure belongs to a commit; one from a changed tree says so. */
export async function describeCommit(): Promise<Commit> {
  const git = async (...args: string[]) =>
    (await promisify(execFile)('git', args, { cwd: repoRoot })).stdout.trim()
  const commit = await git('rev-parse', 'HEAD')
  return { commit, dirty: (await git('status', '--porcelain')) !== '' }
}
