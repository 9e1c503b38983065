/** Stops everything and forgets all data; downloads stay. */
import { access, rm } from 'node:fs/promises'
import { relative } from 'node:path'
import { isMissing } from '@nightshift/local/read-if-there'
import { repoRoot, statePaths } from '@nightshift/local/system/state'
import { stopSystem } from '@nightshift/local/system/stop-system'
import { exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'

const description = `Stops everything, then removes the data, logs and secrets of the local system. Downloaded parts
stay. A database, Redis or Kafka that was named in the environment is not touched.`

export const command = npmCommand('reset', description).action(exitWith(run))

if (import.meta.main) await runCommand(command)

async function run(): Promise<number> {
  const state = statePaths()
  const { names, portsLeft } = await stopSystem(state)
  if (names.length > 0) console.log(`Stopped ${names.join(', ')}.`)
  if (portsLeft.length > 0) {
    throw new Error(`Nothing was removed, because something still runs:\n${portsLeft.join('\n')}`)
  }
  const removed: string[] = []
  for (const path of [state.data, state.logs, state.run, state.secrets]) {
    if (!(await isThere(path))) continue
    await rm(path, { recursive: true })
    removed.push(relative(repoRoot, path))
  }
  console.log(
    removed.length > 0 ? `Removed ${removed.join(', ')}.` : 'There was nothing to remove.',
  )
  return 0
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}
