/** Shows what runs, where, and how much memory it takes. */

import { findSupervisor } from '@nightshift/local/supervisor/control-client'
import { statePaths } from '@nightshift/local/system/state'
import { readSystemFile } from '@nightshift/local/system/system-file'
import { runCommandLine } from '../terminal/command-line.ts'
import { statusRows, totalMemoryMiB } from '../terminal/status-rows.ts'
import { renderTable } from '../terminal/table.ts'

const help = `Usage: npm run status [-- --json]

Shows each process with its state, URL, pid, memory and log. Exit code 1 when something that should
be ready is not.`

const options = { json: { type: 'boolean' } } as const

if (import.meta.main) await runCommandLine({ help, options, run }, process.argv.slice(2))

async function run({ json }: { json?: string | boolean }): Promise<number> {
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
