/** Writes the generated pages again; `-- --check` only compares. */
import type { CommandGroup } from '../../docs/commands-page.ts'
import { stalePages, writePages } from '../../docs/make-pages.ts'
import { exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'
import { command as audit } from './audit.ts'
import { command as bench } from './bench.ts'
import { command as breakThing } from './break.ts'
import { command as check } from './check.ts'
import { command as doctor } from './doctor.ts'
import { command as experiment } from './experiment.ts'
import { command as heal } from './heal.ts'
import { command as journey } from './journey.ts'
import { command as keys } from './keys.ts'
import { command as limits } from './limits.ts'
import { command as load } from './load.ts'
import { command as logs } from './logs.ts'
import { command as node } from './node.ts'
import { command as prove } from './prove.ts'
import { command as reconcile } from './reconcile.ts'
import { command as replay } from './replay.ts'
import { command as reset } from './reset.ts'
import { command as rollingRestart } from './rolling-restart.ts'
import { command as screenshots } from './screenshots.ts'
import { command as start } from './start.ts'
import { command as status } from './status.ts'
import { command as stop } from './stop.ts'
import { command as storm } from './storm.ts'
import { command as switchPattern } from './switch.ts'
import { command as runTests } from './test.ts'
import { command as trace } from './trace.ts'

const description = `Writes the pages that are made from code and results: docs/reference, the pages of
commands, promises, timeouts and the two matrices, the table of patterns in the README, the configuration
of HAProxy for Compose, and the figures and links on all other pages.`

const command = npmCommand('docs', description)
  .option('--check', 'write nothing; exit code 1 when a page differs from the code and the results')
  .action(exitWith(run))

/** Every command, as the page of commands shows them. */
export const commandGroups: readonly CommandGroup[] = [
  { title: 'Run the system', commands: [start, stop, rollingRestart, status, logs, doctor, reset] },
  { title: 'Look at what happens', commands: [journey, trace, limits, audit, reconcile, keys] },
  { title: 'Break it', commands: [breakThing, heal, switchPattern, load, storm] },
  { title: 'Measure it', commands: [experiment, replay, prove, bench] },
  { title: 'Change it', commands: [runTests, check, command, screenshots, node] },
]

if (import.meta.main) await runCommand(command)

async function run({ check: onlyCheck }: { check?: boolean }): Promise<number> {
  if (!onlyCheck) {
    console.log(`Written: ${(await writePages(commandGroups)).join(', ')}`)
    return 0
  }
  const stale = await stalePages(commandGroups)
  if (stale.length === 0) return 0
  console.error(
    `These pages differ from the code and the results: ${stale.join(', ')}. Run \`npm run docs\`.`,
  )
  return 1
}
