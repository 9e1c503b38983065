import { randomUUID } from 'node:crypto'
import { link, mkdir, rename, rm } from 'node:fs/promises'
import { isDiskFull, isMissing } from '../read-if-there.ts'
import { shutdownTimeoutMs } from '../supervisor/control-client.ts'
import { identifySelf, isSame, type ProcessIdentity } from '../supervisor/process-table.ts'
import { killProcess, sendSignal } from '../supervisor/process-tree.ts'
import { fieldsOf, isAlive, isIdentity, readRunFile } from '../supervisor/supervisor-file.ts'
import { waitUntil } from '../wait-until.ts'
import { writeWhole } from '../write-whole.ts'
import type { StatePaths } from './state.ts'

/** `run/start.json`: the command that is starting the system, while it does. */
type StartFile = Readonly<{ process: ProcessIdentity }>
const isStartFile = (found: unknown): found is StartFile =>
  isIdentity(fieldsOf<StartFile>(found).process)

const claimsMax = 3
/** A start that is interrupted shuts its supervisor down, and ends what that has left. */
const interruptedMs = shutdownTimeoutMs + 30_000

/**
 * Says that this process starts the system, until the claim is disposed of. A claim of a process that
 * has ended counts for nothing.
 * @throws when another start is under way
 */
export async function claimStart(state: StatePaths): Promise<AsyncDisposable> {
  await mkdir(state.run, { recursive: true, mode: 0o700 })
  const draft = `${state.start}.${randomUUID()}`
  const self = await identifySelf()
  await writeWhole(draft, JSON.stringify({ process: self }))
  try {
    for (let claims = 0; claims < claimsMax; claims += 1) {
      if (await isLinked(draft, state.start)) {
        return { [Symbol.asyncDispose]: () => giveUp(state, self) }
      }
      const other = await holderOf(state.start)
      if (other) {
        throw new Error(
          `Another start is under way (process ${other.pid}). See \`npm run status\`.`,
        )
      }
      await takeAway(state)
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
  } catch (error) {
    // A stop has to work on a full disk, too, where no start that has begun can get far either.
    if (!isDiskFull(error)) throw error
  }
}

/** @throws when the system was told to stop after this start had begun */
export async function refuseIfStopped(state: StatePaths, beganAtMs: number): Promise<void> {
  const stopped = await readRunFile(state.stopped, isStoppedFile)
  // A stop in the future was recorded before the clock was set back, and does not count.
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

/** The process of another start that holds a claim, and still lives. */
async function holderOf(file: string): Promise<ProcessIdentity | undefined> {
  const claim = await readRunFile(file, isStartFile)
  if (!claim || claim.process.pid === process.pid) return undefined
  return (await isAlive(claim.process)) ? claim.process : undefined
}

/**
 * Takes an abandoned claim away. Another start may have done so since we looked, and have put its own
 * claim there: that one is put back.
 */
async function takeAway(state: StatePaths): Promise<void> {
  const aside = `${state.start}.${randomUUID()}`
  try {
    await rename(state.start, aside)
  } catch (error) {
    if (isMissing(error)) return
    throw error
  }
  if (await holderOf(aside)) await isLinked(aside, state.start)
  await rm(aside, { recursive: true, force: true })
}

/** Ends a claim, unless another start has one by now. */
async function giveUp(state: StatePaths, self: ProcessIdentity): Promise<void> {
  const claim = await readRunFile(state.start, isStartFile)
  if (claim && isSame(claim.process, self)) await rm(state.start, { force: true })
}

/**
 * Interrupts a start that is under way, and waits until it has stopped what it had started. Answers
 * its process, or undefined if there was none.
 * @throws when it survives SIGKILL
 */
export async function interruptStart(state: StatePaths): Promise<number | undefined> {
  const starter = await holderOf(state.start)
  if (!starter) return undefined
  const { pid } = starter
  const hasEnded = async () => (await holderOf(state.start))?.pid !== pid
  sendSignal(pid, 'SIGTERM')
  sendSignal(pid, 'SIGCONT') // it may have been paused at a terminal
  if (!(await waitUntil(hasEnded, interruptedMs))) await killProcess(starter)
  return pid
}
