import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** People and the supervisor recognize the directory of a test run by this prefix. */
export const throwAwayPrefix = 'nightshift-test-'

/** A new empty directory for one test run, directly below the system's temporary directory. */
export function makeThrowAwayDir(): Promise<string> {
  return mkdtemp(join(tmpdir(), throwAwayPrefix))
}
