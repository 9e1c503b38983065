import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type * as FileSystem from 'node:fs/promises'
import { access, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { identify } from '../supervisor/process-table.ts'
import { makeThrowAwayDir } from '../throw-away.ts'
import { resetSystem } from './reset-system.ts'
import { type StatePaths, statePaths } from './state.ts'

const disk = vi.hoisted(() => ({ isFull: false }))

vi.mock('node:fs/promises', async importReal => {
  const real = await importReal<typeof FileSystem>()
  const refuseIfFull = () => {
    if (disk.isFull) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  }
  return {
    ...real,
    async open(...args: Parameters<typeof real.open>) {
      refuseIfFull()
      return real.open(...args)
    },
    async mkdir(...args: Parameters<typeof real.mkdir>) {
      refuseIfFull()
      return real.mkdir(...args)
    },
  }
})

let state: StatePaths
beforeEach(async () => {
  state = statePaths(await makeThrowAwayDir())
})
afterEach(async () => {
  disk.isFull = false
  await rm(state.dir, { recursive: true })
})

/** A program that claims the start, says `claimed` or why not, and ends when it is killed. */
function claimingProgram(work: 'start' | 'reset'): string[] {
  const file = (name: string) => JSON.stringify(join(import.meta.dirname, name))
  const script = `
    import { claimStart } from ${file('start-claim.ts')}
    import { statePaths } from ${file('state.ts')}
    setInterval(() => {}, 1000)
    try {
      await claimStart(statePaths(${JSON.stringify(state.dir)}), '${work}')
      process.stdout.write('claimed')
    } catch (error) {
      process.stdout.write(error.message)
    }`
  return ['--input-type=module', '--eval', script]
}

/** What another process says about its claim; it lives until the test ends. */
async function claimElsewhere(work: 'start' | 'reset'): Promise<{ pid: number; said: string }> {
  const child = spawn(process.execPath, claimingProgram(work), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [said] = await once(child.stdout, 'data')
  return { pid: child.pid ?? 0, said: String(said) }
}

/** A process of a killed supervisor that says when it is asked to end, and does not. */
async function leaveStubbornProcess(): Promise<{ asked: Promise<unknown>; pid: number }> {
  const script = 'trap "echo asked" TERM; echo ready; while :; do sleep 0.1; done'
  const child = spawn('sh', ['-c', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const pid = child.pid ?? 0
  const spec = { name: 'stubborn', kind: 'service', stopSignal: 'SIGTERM', stopGraceMs: 30_000 }
  const processes = [{ spec, tree: { root: await identify(pid), seen: [] } }]
  const supervisor = { pid: 2 ** 30, startedAt: 'never' }
  await mkdir(state.run)
  await writeFile(state.processes, JSON.stringify({ supervisor, processes }))
  return { asked: once(child.stdout, 'data'), pid }
}

test('no start begins while a reset waits for the stop, and one can begin afterwards', async () => {
  const { asked, pid } = await leaveStubbornProcess()
  await mkdir(state.data)
  const reset = resetSystem(state)
  await asked
  const { said } = await claimElsewhere('start')
  expect(said).toContain(`A reset is under way (process ${process.pid})`)
  process.kill(pid, 'SIGKILL')
  expect(await reset).toEqual({ stopped: ['stubborn'], removed: [state.data, state.run] })
  await expect(access(state.run)).rejects.toThrow()
  expect((await claimElsewhere('start')).said).toBe('claimed')
})

test('of two resets at the same moment one goes on, and the other names it', async () => {
  const { pid } = await claimElsewhere('reset')
  await mkdir(state.data)
  await expect(resetSystem(state)).rejects.toThrow(`A reset is under way (process ${pid})`)
  await access(state.data)
})

test('a full disk is no obstacle to a reset', async () => {
  for (const path of [state.data, state.run]) await mkdir(path)
  disk.isFull = true
  expect((await resetSystem(state)).removed).toEqual([state.data, state.run])
  expect((await resetSystem(state)).removed).toEqual([])
})

test('a reset of nothing removes nothing', async () => {
  expect(await resetSystem(state)).toEqual({ stopped: [], removed: [] })
})
