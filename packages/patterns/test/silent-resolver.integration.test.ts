import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const childFile = fileURLToPath(new URL('./silent-resolver-child.ts', import.meta.url))
const childMs = 25_000

let dir: string
let fifo: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'silent-resolver-'))
  fifo = join(dir, 'fifo')
  await run('mkfifo', [fifo])
})
afterAll(() => rm(dir, { recursive: true }))

async function callWhileSilent(how: 'client' | 'fetch') {
  const { stdout } = await run(process.execPath, [childFile, how, fifo], { timeout: childMs })
  return JSON.parse(stdout)
}

test('a name that is not resolved stops neither its callers nor the rest of the process', async () => {
  expect(await callWhileSilent('client')).toEqual({
    questions: 1,
    file: 'read',
    calls: ['not-sent'],
  })
})

test('without, eight calls hold the whole thread pool, and no file can be read', async () => {
  expect(await callWhileSilent('fetch')).toEqual({
    questions: 8,
    file: 'not read',
    calls: ['failed'],
  })
})
