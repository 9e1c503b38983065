/** Looks for everything that a start needs, and says how to get what is missing. */
import { styleText } from 'node:util'
import { type DoctorLine, examine } from '@nightshift/local/parts/doctor'
import { portPlan, readPortBase } from '@nightshift/local/ports/ports'
import { findSupervisor } from '@nightshift/local/supervisor/control-client'
import { statePaths } from '@nightshift/local/system/state'
import { exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'
import { renderTable } from '../terminal/table.ts'

const description = `Looks at this machine without changing it: programs, ports, memory, disk. Exit code 1 when
something is missing that \`npm start\` needs.`

export const command = npmCommand('doctor', description)
  .option('--json', 'one JSON document instead of a table')
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

async function run({ json }: { json?: boolean }): Promise<number> {
  const state = statePaths()
  const plan = portPlan(readPortBase(process.env['NIGHTSHIFT_PORT_BASE']))
  const isRunning = (await findSupervisor(state)) !== undefined
  // While the system runs, it holds its own ports.
  const ports = isRunning ? [] : Object.entries(plan).map(([name, port]) => ({ name, port }))
  const lines = await examine({
    toolsDir: state.tools,
    environment: process.env,
    ports,
    ...(isRunning && { cardProviderUrl: `http://127.0.0.1:${plan.cardProvider}` }),
  })
  console.log(json ? JSON.stringify(lines, null, 2) : describe(lines, isRunning))
  return lines.every(line => line.ok) ? 0 : 1
}

function describe(lines: readonly DoctorLine[], isRunning: boolean): string {
  const mark = (ok: boolean) => styleText(ok ? 'green' : 'red', ok ? '✓' : '✗')
  const table = renderTable(
    lines.map(({ what, found, needed, fix }) => ({ what, found, needed, fix })),
  )
  const [heading, ...rows] = table.split('\n')
  const marked = rows.map((row, i) => `${mark(lines[i]?.ok ?? false)} ${row}`)
  const notes = isRunning ? ['', 'The system runs; its ports were left out.'] : []
  return [`  ${heading}`, ...marked, ...notes].join('\n')
}
