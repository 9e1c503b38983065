/** Stops everything; data stays. */

import { statePaths } from '@nightshift/local/system/state'
import { stopSystem } from '@nightshift/local/system/stop-system'
import { exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'

const description = `Stops all processes of the system, and looks whether they and their ports are really gone. Data
stays. Does nothing when nothing runs, and cleans up after a supervisor that was killed.`

export const command = npmCommand('stop', description).action(exitWith(run))

if (import.meta.main) await runCommand(command)

async function run(): Promise<number> {
  const { interrupted, names, portsLeft } = await stopSystem(statePaths())
  const seconds = process.uptime().toFixed(1)
  if (interrupted !== undefined) {
    console.log(
      `A start was under way (process ${interrupted}). It was interrupted, in ${seconds} s.`,
    )
  }
  if (names.length > 0) console.log(`Stopped ${names.join(', ')} in ${seconds} s.`)
  else if (interrupted === undefined) console.log('Nothing was running.')
  if (portsLeft.length === 0) {
    if (names.length > 0) console.log('No process and no port is left. Data stays.')
    return 0
  }
  console.error(`Still taken:\n${portsLeft.map(line => `  ${line}`).join('\n')}`)
  return 1
}
