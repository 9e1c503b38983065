import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { unpackOnce } from '../src/parts/unpack-once.ts'
import { openScratch } from './parts-process.ts'

test('two processes that unpack at the same moment leave one complete directory', async () => {
  await using scratch = await openScratch()
  const target = join(scratch.dir, 'tool')
  const both = Promise.withResolvers<void>()
  let filling = 0
  const fill = async (draft: string) => {
    await writeFile(join(draft, 'part-1'), '')
    filling += 1
    if (filling === 2) both.resolve()
    await both.promise
    await writeFile(join(draft, 'part-2'), '')
  }
  await Promise.all([unpackOnce(target, fill), unpackOnce(target, fill)])
  expect(await readdir(target)).toEqual(['part-1', 'part-2'])
  expect(await readdir(scratch.dir)).toEqual(['tool'])
})

test('a fetch that fails leaves nothing, so that the next one starts anew', async () => {
  await using scratch = await openScratch()
  const target = join(scratch.dir, 'tool')
  const fail = async (draft: string) => {
    await writeFile(join(draft, 'part-1'), '')
    throw new Error('the network went away')
  }
  await expect(unpackOnce(target, fail)).rejects.toThrow('the network went away')
  expect(await readdir(scratch.dir)).toEqual([])
})

test('the draft of a killed fetch is removed, and that of a running fetch is kept', async () => {
  await using scratch = await openScratch()
  const yesterday = new Date(Date.now() - 86_400_000)
  for (const name of ['abandoned', 'running']) await mkdir(join(scratch.dir, `tool.draft-${name}`))
  await utimes(join(scratch.dir, 'tool.draft-abandoned'), yesterday, yesterday)
  await unpackOnce(join(scratch.dir, 'tool'), async () => {})
  expect(await readdir(scratch.dir)).toEqual(['tool', 'tool.draft-running'])
})
