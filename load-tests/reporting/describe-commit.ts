import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { repoRoot } from '@nightshift/local/system/state'
import type { Commit } from './result-head.ts'

/** A figure belongs to a commit; one from a changed tree says so. */
export async function describeCommit(): Promise<Commit> {
  const git = async (...args: string[]) =>
    (await promisify(execFile)('git', args, { cwd: repoRoot })).stdout.trim()
  const commit = await git('rev-parse', 'HEAD')
  return { commit, dirty: (await git('status', '--porcelain')) !== '' }
}
