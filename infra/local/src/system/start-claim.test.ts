import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type * as FileSystem from 'node:fs/promises'
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { makeThrowAwayDir } from '../throw-away.ts'
import { waitUntil } from '../wait-until.ts'
import { claimStart, refuseIfStopped } from './start-claim.ts'
import { type StatePaths, statePaths } from './state.ts'
import { stopSystem } from './stop-system.ts'

const soonMs = 15_000

type OnDisk = { beforeTaking?: () => Promise<unknown>; failure?: string }

/** What another start does before ours takes an abandoned claim away; how a file fails to open. */
const onDisk = vi.hoisted((): OnDisk => ({}))

vi.mock('node:fs/promises', async importReal => {
  const real = await importReal<typeof FileSystem>()
  return {
    ...real,
    async rm(...args: Parameters<typeof real.rm>) {
      if (String(args[0]).endsWith('start.json')) await onDisk.beforeTaking?.()
      return real.rm(...args)
    },
    async rename(...args: Parameters<typeof real.rename>) {
      if (String(args[0]).endsWith('start.json')) await onDisk.beforeTaking?.()
      return real.rename(...args)
    },
    async open(...args: Parameters<typeof real.open>) {
      if (onDisk.failure) throw Object.assign(new Error(onDisk.failure), { code: onDisk.failure })
      return real.open(...args)
    },
  }
})

let state: StatePaths
beforeEach(async () => {
  state = statePaths(await makeThrowAwayDir())
})
afterEach(async () => {
  delete onDisk.beforeTaking
  delete onDisk.failure
  vi.restoreAllMocks()
  await rm(state.dir, { recursive: true })
})

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

test('of two starts that find the same abandoned claim, only the faster one goes on', async () => {
  const pid = await openOtherStart()
  const claim = await readFile(state.start, 'utf8')
  await writeFile(state.start, '')
  onDisk.beforeTaking = async () => {
    delete onDisk.beforeTaking
    await writeFile(state.start, claim)
  }
  await expect(claimStart(state)).rejects.toThrow(`Another start is under way (process ${pid})`)
  expect(await readFile(state.start, 'utf8')).toBe(claim)
})

test('a start that has lost its claim leaves the claim of another one', async () => {
  {
    await using _claim = await claimStart(state)
    await rm(state.start)
    await openOtherStart()
  }
  await access(state.start)
})

test('a start that ends just before it is interrupted has been interrupted', async () => {
  const pid = await openOtherStart()
  const kill = process.kill.bind(process)
  vi.spyOn(process, 'kill').mockImplementation(target => {
    kill(target, 'SIGKILL')
    throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH' })
  })
  expect(await stopSystem(state)).toEqual({ interrupted: pid, names: [], portsLeft: [] })
})

test('a stop works on a full disk, and says any other reason why it is not remembered', async () => {
  onDisk.failure = 'ENOSPC'
  expect(await stopSystem(state)).toEqual({ names: [], portsLeft: [] })
  onDisk.failure = 'EACCES'
  await expect(stopSystem(state)).rejects.toThrow('EACCES')
})
