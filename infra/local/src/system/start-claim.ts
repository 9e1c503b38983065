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

/** `run/start.json`: the command that starts the system or deletes its files, while it does. */
type Claim = Readonly<{ process: ProcessIdentity; work: Work }>
type Work = 'start' | 'reset'

function isClaim(found: unknown): found is Claim {
  const { process, work } = fieldsOf<Claim>(found)
  return isIdentity(process) && (work === 'start' || work === 'reset')
}

const claimsMax = 3
/** A start that is interrupted shuts its supervisor down, and ends what that has left. */
const interruptedMs = shutdownTimeoutMs + 30_000

/**
 * Says that this process starts the system, or that no other may, until the claim is disposed of. A
 * claim of a process that has ended counts for nothing.
 * @throws when another start or a reset is under way
 */
export async function claimStart(
  state: StatePaths,
  work: Work = 'start',
): Promise<AsyncDisposable> {
  await mkdir(state.run, { recursive: true, mode: 0o700 })
  const draft = `${state.start}.${randomUUID()}`
  const self = await identifySelf()
  await writeWhole(draft, JSON.stringify({ process: self, work } satisfies Claim))
  try {
    for (let claims = 0; claims < claimsMax; claims += 1) {
      if (await isLinked(draft, state.start)) {
        return { [Symbol.asyncDispose]: () => giveUp(state, self) }
      }
      const other = await livingClaim(state.start)
      if (other) {
        const what = other.work === 'start' ? 'Another start' : 'A reset'
        throw new Error(
          `${what} is under way (process ${other.process.pid}). See \`npm run status\`.`,
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

/** The claim of another process that still lives. */
async function livingClaim(file: string): Promise<Claim | undefined> {
  const claim = await readRunFile(file, isClaim)
  if (!claim || claim.process.pid === process.pid) return undefined
  return (await isAlive(claim.process)) ? claim : undefined
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
  if (await livingClaim(aside)) await isLinked(aside, state.start)
  await rm(aside, { recursive: true, force: true })
}

/** Ends a claim, unless another process has one by now. */
async function giveUp(state: StatePaths, self: ProcessIdentity): Promise<void> {
  const claim = await readRunFile(state.start, isClaim)
  if (claim && isSame(claim.process, self)) await rm(state.start, { force: true })
}

/**
 * Interrupts a start that is under way, and waits until it has stopped what it had started. Answers
 * its process, or undefined if there was none.
 * @throws when it survives SIGKILL
 */
export async function interruptStart(state: StatePaths): Promise<number | undefined> {
  const claim = await livingClaim(state.start)
  if (claim?.work !== 'start') return undefined
  const { pid } = claim.process
  const hasEnded = async () => (await livingClaim(state.start))?.process.pid !== pid
  sendSignal(pid, 'SIGTERM')
  sendSignal(pid, 'SIGCONT') // it may have been paused at a terminal
  if (!(await waitUntil(hasEnded, interruptedMs))) await killProcess(claim.process)
  return pid
}
