import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { makeThrowAwayDir } from '../throw-away.ts'
import { waitUntil } from '../wait-until.ts'
import { claimStart, refuseIfStopped } from './start-claim.ts'
import { type StatePaths, statePaths } from './state.ts'
import { stopSystem } from './stop-system.ts'

const soonMs = 15_000

let state: StatePaths
beforeEach(async () => {
  state = statePaths(await makeThrowAwayDir())
})
afterEach(() => rm(state.dir, { recursive: true }))

/** A process that claims the start, and ends what it does after a signal. */
async function openOtherStart(): Promise<number> {
  const file = (name: string) => JSON.stringify(join(import.meta.dirname, name))
  const script = `
    import { claimStart, refuseIfStopped } from ${file('start-claim.ts')}
    import { statePaths } from ${file('state.ts')}
    const claim = await claimStart(statePaths(${JSON.stringify(state.dir)}))
    const waiting = setInterval(() => {}, 1000)
    process.once('SIGTERM', async () => {
      clearInterval(waiting)
      await claim[Symbol.asyncDispose]()
    })
    process.stdout.write('claimed')`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child.pid ?? 0
}

test('of two starts at the same moment one goes on, and the other names it', async () => {
  const pid = await openOtherStart()
  await expect(claimStart(state)).rejects.toThrow(`Another start is under way (process ${pid})`)
})

test('a stop interrupts a start that is under way, and waits for its end', async () => {
  const pid = await openOtherStart()
  expect(await stopSystem(state)).toEqual({ interrupted: pid, names: [], portsLeft: [] })
  await expect(access(state.start)).rejects.toThrow()
})

test('a stop wins over a start that began before it, and not over one that begins after it', async () => {
  const before = Date.now()
  await stopSystem(state)
  await expect(refuseIfStopped(state, before)).rejects.toThrow('Nothing was started')
  await refuseIfStopped(state, Date.now() + 1)
  await writeFile(state.stopped, '')
  await refuseIfStopped(state, before)
})

test("a start that was killed, or a file that was lost, is in nobody's way", async () => {
  const pid = await openOtherStart()
  process.kill(pid, 'SIGKILL')
  const isClaimed = () =>
    claimStart(state).then(
      () => true,
      () => false,
    )
  expect(await waitUntil(isClaimed, soonMs)).toBe(true)
  for (const text of ['', '{}', 'half a']) {
    await writeFile(state.start, text)
    await using _claim = await claimStart(state)
  }
  await mkdir(state.start)
  await using _claim = await claimStart(state)
})
