import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** How the directory of one test run is recognised, by people and by what deletes it. */
export const throwAwayPrefix = 'nightshift-test-'

/** A new empty directory for one test run, directly below the system's temporary directory. */
export function makeThrowAwayDir(): Promise<string> {
  return mkdtemp(join(tmpdir(), throwAwayPrefix))
}
