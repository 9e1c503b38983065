import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { environmentOf, findExecutable } from '../src/machine.ts'
import { findHaproxy, haproxyCandidates } from '../src/parts/haproxy.ts'
import { openScratch, toolsDir } from './parts-process.ts'

/** Only the first run fetches. */
const fetchMs = 300_000
const hasApt = (await findExecutable('apt-get', environmentOf({}))) !== undefined

test.runIf(hasApt)(
  'HAProxy of the Debian packages runs where it is unpacked',
  { timeout: fetchMs },
  async () => {
    const { debian } = haproxyCandidates({ toolsDir, report: () => {} })
    expect(await debian.attempt()).toMatchObject({
      program: expect.stringContaining(toolsDir),
      version: expect.stringMatching(/^\d+\.\d+/),
      from: 'Debian packages',
    })
  },
)

test('an installed HAProxy is used as it is, and an old one is passed over with the reason', async () => {
  await using scratch = await openScratch()
  const environment = { PATH: scratch.dir }
  const context = { toolsDir: join(scratch.dir, 'tools'), environment }
  await putHaproxy(scratch.dir, '3.2.1-1')
  expect(await findHaproxy(context)).toMatchObject({
    how: 'native',
    run: { version: '3.2.1', from: 'PATH', libraries: '' },
  })
  await putHaproxy(scratch.dir, '2.2.9-2')
  await expect(haproxyCandidates(context).path.attempt()).rejects.toThrow(
    'HAProxy 2.2.9, needed is 2.4',
  )
})

test('without HAProxy and apt each candidate is named with its reason, and so is the fix', async () => {
  await using scratch = await openScratch()
  const environment = { PATH: join(scratch.dir, 'empty') }
  const context = { toolsDir: join(scratch.dir, 'tools'), environment }
  // The directories of the system are looked at, too, so only the others are tried here.
  const { unpackedDebian, debian } = haproxyCandidates(context)
  const found = await findHaproxy(context, [unpackedDebian, debian])
  expect(found).toMatchObject({ how: 'missing', fix: expect.stringContaining('--replicas 1') })
  expect('reasons' in found && found.reasons).toHaveLength(2)
})

async function putHaproxy(directory: string, version: string): Promise<void> {
  const program = join(directory, 'haproxy')
  await writeFile(program, `#!/bin/sh\necho 'HAProxy version ${version} 2026/10/17'\n`)
  await chmod(program, 0o755)
}
