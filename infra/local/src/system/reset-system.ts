import { lstat, rename, rm } from 'node:fs/promises'
import { ifThere, isDiskFull } from '../read-if-there.ts'
import { claimStart, interruptStart, recordStop } from './start-claim.ts'
import type { StatePaths } from './state.ts'
import { type Stopped, stopProcesses } from './stop-system.ts'

export type Reset = Readonly<{
  /** The processes that had to be stopped. */
  stopped: Stopped['names']
  /** The paths that are no more. */
  removed: readonly string[]
}>

/**
 * Stops a system and forgets its data, logs and secrets, whatever lies there. Downloads stay. No start
 * can begin meanwhile: it would lose its files while it runs.
 * @throws when a port is still taken (what holds it may still write), or another command was faster
 */
export async function resetSystem(state: StatePaths): Promise<Reset> {
  await recordStop(state)
  await interruptStart(state)
  const removed: string[] = []
  for (const path of [state.data, state.logs, state.run, state.secrets]) {
    if (await isThere(path)) removed.push(path)
  }
  const run = await ifThere(lstat(state.run))
  if (!run?.isDirectory()) await rm(state.run, { force: true })
  await using _claim = await claimUnlessFull(state)
  const { names, portsLeft } = await stopProcesses(state)
  if (portsLeft.length > 0) {
    const lines = portsLeft.map(line => `  ${line}`).join('\n')
    throw new Error(
      `Nothing was removed, because something still runs:\n${lines}\n` +
        `End it. If it belongs to another program, delete ${state.system} and try again.`,
    )
  }
  for (const path of [state.data, state.logs, state.secrets]) {
    await rm(path, { recursive: true, force: true })
  }
  await removeRun(state.run)
  return { stopped: names, removed }
}

/** On a full disk no start can claim anything either, and a reset is what makes room. */
async function claimUnlessFull(state: StatePaths): Promise<AsyncDisposable | undefined> {
  try {
    return await claimStart(state, 'reset')
  } catch (error) {
    if (isDiskFull(error)) return undefined
    throw error
  }
}

/** Takes our claim away by the rename, so that the deletion never meets the claim of the next start. */
async function removeRun(run: string): Promise<void> {
  if (!(await isThere(run))) return
  const aside = `${run}.removed`
  await rm(aside, { recursive: true, force: true })
  await rename(run, aside)
  await rm(aside, { recursive: true })
}

async function isThere(path: string): Promise<boolean> {
  return (await ifThere(lstat(path))) !== undefined
}
