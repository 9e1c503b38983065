import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { repoRoot } from '@nightshift/local/system/state'
import { expect, test } from 'vitest'

const bootstrap = join(repoRoot, 'tools/cli/bootstrap.mjs')
const processMs = 30_000

function runNode(...args: string[]) {
  return spawnSync(process.execPath, [bootstrap, 'node', ...args], { encoding: 'utf8' })
}

test(
  'a program gets all arguments behind its name, and its exit code is the exit code',
  () => {
    const help = runNode('load-tests/auditor/main.ts', '--help')
    expect([help.status, help.stdout]).toEqual([0, expect.stringContaining('--pays-directly')])
    const unknown = runNode('load-tests/auditor/main.ts', '--run', '/nowhere')
    expect(unknown.status).toBe(2)
  },
  processMs,
)

test(
  'without a file there is the help, and wrong usage',
  () => {
    expect(runNode()).toMatchObject({ status: 2, stderr: expect.stringContaining('Usage') })
    expect(runNode('--help')).toMatchObject({ status: 0 })
  },
  processMs,
)
