import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findK6, k6Candidates, k6Module, k6Version } from '../src/parts/k6.ts'
import { openScratch } from './parts-process.ts'

const report = () => {}

test('the version in the code is the one that the Go module pins with its checksums', async () => {
  const module = await readFile(join(k6Module, 'go.mod'), 'utf8')
  expect(module).toContain('tool go.k6.io/k6/v2\n')
  expect(module).toContain(`go.k6.io/k6/v2 v${k6Version} `)
  const sums = await readFile(join(k6Module, 'go.sum'), 'utf8')
  expect(sums).toContain(`go.k6.io/k6/v2 v${k6Version} h1:`)
})

test('a k6 2 on the PATH is used as it is, and an older one is passed over with the reason', async () => {
  await using scratch = await openScratch()
  const environment = { PATH: scratch.dir }
  const context = { toolsDir: join(scratch.dir, 'tools'), environment, report }
  await putK6(scratch.dir, 'v2.7.1')
  expect(await findK6(context)).toMatchObject({ how: 'native', version: '2.7.1', from: 'PATH' })
  await putK6(scratch.dir, 'v1.8.0')
  await expect(k6Candidates(context).path.attempt()).rejects.toThrow('k6 1.8.0, needed is 2')
})

test('without k6, Go and Docker each candidate is named with its reason, and so is the fix', async () => {
  await using scratch = await openScratch()
  const environment = { PATH: join(scratch.dir, 'empty') }
  const found = await findK6({ toolsDir: join(scratch.dir, 'tools'), environment, report })
  expect(found).toMatchObject({ how: 'missing', fix: expect.stringContaining('Go') })
  expect('reasons' in found && found.reasons).toHaveLength(4)
})

async function putK6(directory: string, version: string): Promise<void> {
  const program = join(directory, 'k6')
  await writeFile(program, `#!/bin/sh\necho 'k6 ${version} (go1.26.8, linux/amd64)'\n`)
  await chmod(program, 0o755)
}
