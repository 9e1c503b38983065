/** Shows what runs, where, and how much memory it takes. */

import { findSupervisor } from '@nightshift/local/supervisor/control-client'
import { statePaths } from '@nightshift/local/system/state'
import { readSystemFile } from '@nightshift/local/system/system-file'
import { exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'
import { statusRows, totalMemoryMiB } from '../terminal/status-rows.ts'
import { renderTable } from '../terminal/table.ts'

const description = `Shows each process with its state, URL, pid, memory and log. Exit code 1 when something that
should be ready is not.`

export const command = npmCommand('status', description)
  .option('--json', 'one JSON document instead of a table')
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

async function run({ json }: { json?: boolean }): Promise<number> {
  const state = statePaths()
  const supervisor = await findSupervisor(state)
  if (!supervisor) {
    console.log(json ? JSON.stringify({ running: false }) : 'Nothing is running. Try `npm start`.')
    return 0
  }
  const status = await supervisor.status()
  const system = await readSystemFile(state)
  const external = system?.external ?? []
  const total = totalMemoryMiB(status)
  const isReady = status.processes.every(process => process.state === 'ready')
  if (json) {
    const facts = { running: true, ready: isReady, totalMemoryMiB: total, external, ...status }
    console.log(JSON.stringify(facts, null, 2))
  } else {
    console.log(renderTable(statusRows(status, system)))
    console.log(`\n${total} MiB resident in all, since ${status.startedAt}.`)
  }
  return isReady ? 0 : 1
}
