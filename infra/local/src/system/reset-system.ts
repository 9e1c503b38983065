import { lstat, rm } from 'node:fs/promises'
import { isMissing } from '../read-if-there.ts'
import type { StatePaths } from './state.ts'
import { type Stopped, stopSystem } from './stop-system.ts'

export type Reset = Readonly<{
  /** The processes that had to be stopped. */
  stopped: Stopped['names']
  /** The paths that are no more. */
  removed: readonly string[]
}>

/**
 * Stops a system and forgets its data, logs and secrets, whatever lies there. Downloads stay.
 * @throws when a port is still taken: what holds it may still write
 */
export async function resetSystem(state: StatePaths): Promise<Reset> {
  const { names, portsLeft } = await stopSystem(state)
  if (portsLeft.length > 0) {
    const lines = portsLeft.map(line => `  ${line}`).join('\n')
    throw new Error(
      `Nothing was removed, because something still runs:\n${lines}\n` +
        `End it. If it belongs to another program, delete ${state.system} and try again.`,
    )
  }
  const removed: string[] = []
  for (const path of [state.data, state.logs, state.run, state.secrets]) {
    if (!(await isThere(path))) continue
    await rm(path, { recursive: true })
    removed.push(path)
  }
  return { stopped: names, removed }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}
