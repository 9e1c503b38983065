/** Stops everything and forgets all data; downloads stay. */
import { relative } from 'node:path'
import { resetSystem } from '@nightshift/local/system/reset-system'
import { repoRoot, statePaths } from '@nightshift/local/system/state'
import { exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'

const description = `Stops everything, then removes the data, logs and secrets of the local system. Downloaded parts
stay. A database, Redis or Kafka that was named in the environment is not touched.`

export const command = npmCommand('reset', description).action(exitWith(run))

if (import.meta.main) await runCommand(command)

async function run(): Promise<number> {
  const { stopped, removed } = await resetSystem(statePaths())
  if (stopped.length > 0) console.log(`Stopped ${stopped.join(', ')}.`)
  const paths = removed.map(path => relative(repoRoot, path)).join(', ')
  console.log(removed.length > 0 ? `Removed ${paths}.` : 'There was nothing to remove.')
  return 0
}
