import type * as FileSystem from 'node:fs/promises'
import { appendFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { followFile } from './follow-file.ts'
import { makeThrowAwayDir } from './throw-away.ts'

type Meanwhile = { before?: () => Promise<unknown>; after?: () => Promise<unknown> }

/** What a log's process does while the follower looks at the newest file: before, and after it. */
const meanwhile = vi.hoisted((): Meanwhile => ({}))

vi.mock('node:fs/promises', async importReal => {
  const real = await importReal<typeof FileSystem>()
  return {
    ...real,
    async stat(path: string) {
      if (!path.endsWith('.log')) return real.stat(path)
      await meanwhile.before?.()
      const found = await real.stat(path)
      await meanwhile.after?.()
      return found
    },
  }
})

let dir: string
let file: string
beforeEach(async () => {
  dir = await makeThrowAwayDir()
  file = join(dir, 'a.log')
})
afterEach(async () => {
  meanwhileNothing()
  await rm(dir, { recursive: true })
})

function meanwhileNothing(): void {
  delete meanwhile.before
  delete meanwhile.after
}

test('a follower answers whole lines, and goes on when the log begins again', async () => {
  const follower = followFile(file, 0)
  expect(await follower.next()).toEqual([])
  await writeFile(file, 'one\ntw')
  expect(await follower.next()).toEqual(['one'])
  await appendFile(file, 'ö\nthree\n')
  expect(await follower.next()).toEqual(['twö', 'three'])
  await rename(file, `${file}.1`)
  await writeFile(file, 'new\n')
  expect(await follower.next()).toEqual(['new'])
})

test('a log that is moved aside before it is opened is followed by the next look', async () => {
  const follower = followFile(file, 0)
  await writeFile(file, 'one\n')
  expect(await follower.next()).toEqual(['one'])
  await appendFile(file, 'two\n')
  meanwhile.after = () => rename(file, `${file}.1`)
  expect(await follower.next()).toEqual([])
  meanwhileNothing()
  expect(await follower.next()).toEqual([])
  await writeFile(file, 'three\n')
  expect(await follower.next()).toEqual(['two', 'three'])
})

test('a log that is moved aside between two looks at its files is read to its end', async () => {
  const follower = followFile(file, 0)
  await writeFile(file, 'one\n')
  expect(await follower.next()).toEqual(['one'])
  await appendFile(file, 'two\n')
  meanwhile.before = async () => {
    meanwhileNothing()
    await readdir(dir) // looks at the older files that do not wait for this one come first
    await rename(file, `${file}.1`)
    await writeFile(file, 'three\n')
  }
  const lines = await follower.next()
  expect([...lines, ...(await follower.next())]).toEqual(['two', 'three'])
})
