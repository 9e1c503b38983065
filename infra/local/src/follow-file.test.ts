import { appendFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { followFile } from './follow-file.ts'
import { makeThrowAwayDir } from './throw-away.ts'

test('a follower answers whole lines, and goes on when the log begins again', async () => {
  const dir = await makeThrowAwayDir()
  const file = join(dir, 'a.log')
  const follower = followFile(file, 0)
  expect(await follower.next()).toEqual([])
  await writeFile(file, 'one\ntw')
  expect(await follower.next()).toEqual(['one'])
  await appendFile(file, 'ö\nthree\n')
  expect(await follower.next()).toEqual(['twö', 'three'])
  await rename(file, `${file}.1`)
  await writeFile(file, 'new\n')
  expect(await follower.next()).toEqual(['new'])
  await rm(dir, { recursive: true })
})
