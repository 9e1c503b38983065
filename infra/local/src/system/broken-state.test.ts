import { access, mkdir, rm, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findSupervisor } from '../supervisor/control-client.ts'
import { endOrphans } from '../supervisor/supervisor-file.ts'
import { makeThrowAwayDir } from '../throw-away.ts'
import { resetSystem } from './reset-system.ts'
import { loadSecrets } from './secrets.ts'
import { type StatePaths, statePaths } from './state.ts'
import { stopSystem } from './stop-system.ts'
import { readSystemFile } from './system-file.ts'

let state: StatePaths
beforeEach(async () => {
  state = statePaths(await makeThrowAwayDir())
})
afterEach(() => rm(state.dir, { recursive: true }))

/** Empty is what a power loss leaves of a file that was renamed and not yet written to the disk. */
const broken = {
  'an empty text': '',
  'half a text': '{"process":{"pid":1,"star',
  'no object': '"text"',
  'nothing of ours': '{}',
  'fields of other types':
    '{"process":7,"supervisor":{},"processes":{},"ports":["x"],"external":1}',
  'bytes that are no text': Buffer.from([0, 255, 254, 0]),
}

describe.each(Object.entries(broken))('with %s in every file', (_, content) => {
  beforeEach(async () => {
    await mkdir(state.run)
    const { supervisor, processes, system, secrets } = state
    for (const file of [supervisor, processes, system, secrets]) await writeFile(file, content)
  })

  test('a hint that is broken is as good as none', async () => {
    expect(await findSupervisor(state)).toBeUndefined()
    expect(await readSystemFile(state)).toBeUndefined()
    expect(await endOrphans(state)).toEqual([])
    expect(await stopSystem(state)).toEqual({ names: [], portsLeft: [] })
  })

  test('secrets, which are no hint, are refused by the name of their file', async () => {
    await expect(loadSecrets(state.secrets)).rejects.toThrow(state.secrets)
  })

  test('a reset removes them', async () => {
    await resetSystem(state)
    for (const path of [state.run, state.secrets]) await expect(access(path)).rejects.toThrow()
  })
})

test('a reset removes directories in the place of files, and files in the place of directories', async () => {
  for (const path of [state.supervisor, state.processes, state.system, state.secrets]) {
    await mkdir(path, { recursive: true })
  }
  for (const path of [state.data, state.logs]) await writeFile(path, '')
  expect((await resetSystem(state)).removed).toHaveLength(4)

  await writeFile(state.run, '')
  expect((await resetSystem(state)).removed).toEqual([state.run])
})
