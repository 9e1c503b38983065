/** Asks every source what happened, and says whether the promises were kept. */
import { resolve } from 'node:path'
import {
  type AuditorCommand,
  auditRecorded,
  auditRunning,
} from '@nightshift/load-tests/reporting/auditor-command'
import { findRunningSources } from '@nightshift/load-tests/reporting/running-sources'
import { Option } from 'commander'
import { exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'
import { runTool } from '../terminal/run-tool.ts'

const description = `Waits until nothing is under way in the running system, then reads every source: the card
provider's own log, the mail server's, the three databases, the topics, the public search, the
log of faults, and what the clients of the last \`npm run load\` were told. Exit code 0 when the
promises were kept, 1 when one was broken, 2 when that cannot be said.`

const exitUnknown = 2

export const command = npmCommand('audit', description)
  .addOption(
    new Option('--run <dir>', 'judges a run that was kept, and asks no running system').conflicts([
      'save',
      'deadlineSeconds',
    ]),
  )
  .option('--save <dir>', 'keeps what the sources said, for --run')
  .option('--deadline-seconds <n>', 'how long to wait until nothing is under way (90)')
  .option('--json', 'the verdict as JSON')
  .addHelpText(
    'after',
    '\nThe auditor is a process of its own, load-tests/auditor/main.ts; it has more options.',
  )
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

type Options = { run?: string; save?: string; deadlineSeconds?: string; json?: boolean }

async function run(options: Options): Promise<number> {
  let auditor: AuditorCommand
  try {
    auditor = await auditorFor(options)
  } catch (error) {
    // No source could be asked. That is no broken promise, which exit code 1 would say.
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    return exitUnknown
  }
  for (const line of auditor.advice) process.stderr.write(`${line}\n\n`)
  const environment = { ...process.env, ...auditor.env }
  return runTool(process.execPath, auditor.args, environment, { printsTextOfOthers: true })
}

async function auditorFor({
  run: dir,
  save,
  deadlineSeconds,
  json,
}: Options): Promise<AuditorCommand> {
  const flags = json ? ['--json'] : []
  if (dir !== undefined) return auditRecorded(whereCalled(dir), flags)
  if (save !== undefined) flags.push('--save', whereCalled(save))
  if (deadlineSeconds !== undefined) flags.push('--deadline-seconds', deadlineSeconds)
  return auditRunning(await findRunningSources(process.env), flags)
}

/** npm runs scripts at the root of the repository, wherever the person is. */
function whereCalled(path: string): string {
  return resolve(process.env['INIT_CWD'] ?? '.', path)
}
