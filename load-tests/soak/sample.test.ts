import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bytesIn, memoryOf } from './sample.ts'

let directory: string
const written = 64 * 1_024

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nightshift-sample-'))
  for (const name of ['stays', 'vanishes']) {
    await mkdir(join(directory, name))
    await writeFile(join(directory, name, 'file'), Buffer.alloc(written, 1))
  }
})

afterEach(() => rm(directory, { recursive: true }))

test('all files below a directory count, and links do not', async () => {
  const without = await bytesIn(directory)
  expect(without).toBeGreaterThanOrEqual(2 * written)
  await symlink(directory, join(directory, 'stays', 'link'))
  expect(await bytesIn(directory)).toBe(without)
})

test('a directory that vanishes while it is read counts as nothing, and all others count', async () => {
  const readLate = async (path: string) => {
    if (path.endsWith('vanishes')) await rm(path, { recursive: true })
    return readdir(path)
  }
  const whole = await bytesIn(directory)
  expect(await bytesIn(directory, readLate)).toBe(whole / 2)
  expect(await bytesIn(join(directory, 'vanishes'))).toBe(0)
})

test('a process without a figure is left out', () => {
  const processes = [{ name: 'payments', memoryMiB: 120 }, { name: 'mailbox' }]
  expect(memoryOf(processes)).toEqual({ payments: 120 })
})
