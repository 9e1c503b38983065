import { randomUUID } from 'node:crypto'
import { link, mkdir, rm } from 'node:fs/promises'
import { identifySelf, type ProcessIdentity } from '../supervisor/process-table.ts'
import { fieldsOf, isAlive, isIdentity, readRunFile } from '../supervisor/supervisor-file.ts'
import { waitUntil } from '../wait-until.ts'
import { writeWhole } from '../write-whole.ts'
import type { StatePaths } from './state.ts'

/** `run/start.json`: the command that is starting the system, while it does. */
type StartFile = Readonly<{ process: ProcessIdentity }>
const isStartFile = (found: unknown): found is StartFile =>
  isIdentity(fieldsOf<StartFile>(found).process)

const claimsMax = 3
/** A start that is interrupted stops three waves of processes first. */
const interruptedMs = 60_000
const killedMs = 5_000

/**
 * Says that this process starts the system, until the claim is disposed of. A claim of a process that
 * has ended counts for nothing.
 * @throws when another start is under way
 */
export async function claimStart(state: StatePaths): Promise<AsyncDisposable> {
  await mkdir(state.run, { recursive: true, mode: 0o700 })
  const draft = `${state.start}.${randomUUID()}`
  await writeWhole(draft, JSON.stringify({ process: await identifySelf() }))
  try {
    for (let claims = 0; claims < claimsMax; claims += 1) {
      if (await isLinked(draft, state.start)) {
        return { [Symbol.asyncDispose]: () => rm(state.start, { force: true }) }
      }
      const pid = await startUnderWay(state)
      if (pid !== undefined) {
        throw new Error(`Another start is under way (process ${pid}). See \`npm run status\`.`)
      }
      await rm(state.start, { recursive: true, force: true })
    }
    throw new Error(`${state.start} comes back again and again: other starts are under way.`)
  } finally {
    await rm(draft, { force: true })
  }
}

type StoppedFile = Readonly<{ atMs: number }>
const isStoppedFile = (found: unknown): found is StoppedFile =>
  typeof fieldsOf<StoppedFile>(found).atMs === 'number'

/** Remembers a stop, for a start that has begun and is not far enough to be found. */
export async function recordStop(state: StatePaths): Promise<void> {
  try {
    await mkdir(state.dir, { recursive: true })
    await writeWhole(state.stopped, JSON.stringify({ atMs: Date.now() }))
  } catch {
    // A stop has to work on a full disk, too, and hardly any start is at this point.
  }
}

/** @throws when the system was told to stop after this start had begun */
export async function refuseIfStopped(state: StatePaths, beganAtMs: number): Promise<void> {
  const stopped = await readRunFile(state.stopped, isStoppedFile)
  // A time that lies ahead of us is of a clock that has been set back.
  if (!stopped || stopped.atMs < beganAtMs || stopped.atMs > Date.now()) return
  throw new Error('Nothing was started, because `npm stop` came after this start had begun.')
}

/** A link, and not a rename, fails when there is one already. */
async function isLinked(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** The process of another start that is under way. */
async function startUnderWay(state: StatePaths): Promise<number | undefined> {
  const file = await readRunFile(state.start, isStartFile)
  if (!file || file.process.pid === process.pid) return undefined
  return (await isAlive(file.process)) ? file.process.pid : undefined
}

/**
 * Interrupts a start that is under way, and waits until it has stopped what it had started. Answers
 * its process, or undefined if there was none.
 */
export async function interruptStart(state: StatePaths): Promise<number | undefined> {
  const pid = await startUnderWay(state)
  if (pid === undefined) return undefined
  const hasEnded = async () => (await startUnderWay(state)) !== pid
  process.kill(pid, 'SIGTERM')
  process.kill(pid, 'SIGCONT') // it may have been paused at a terminal
  if (await waitUntil(hasEnded, interruptedMs)) return pid
  process.kill(pid, 'SIGKILL')
  await waitUntil(hasEnded, killedMs)
  return pid
}
