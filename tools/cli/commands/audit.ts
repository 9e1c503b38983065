/** Asks every witness what happened, and says whether the promises were kept. */
import { resolve } from 'node:path'
import {
  type AuditorCommand,
  auditRecorded,
  auditRunning,
} from '@nightshift/load-tests/reporting/auditor-command'
import { findRunningSources } from '@nightshift/load-tests/reporting/running-sources'
import { runCommandLine } from '../terminal/command-line.ts'
import { runTool } from '../terminal/run-tool.ts'

const help = `Usage: npm run audit [-- --save DIR] [--json] [--deadline-seconds N]
       npm run audit -- --run DIR [--json]

Waits until nothing is under way in the running system, then asks everybody: the card provider's own
log, the mail server's, the three databases, the topics, the public search, the log of faults, and
what the clients of the last \`npm run load\` were told. Exit code 0 when the promises were kept, 1 when
one was broken, 2 when that can not be said.

  --run DIR              judges a run that was kept, and asks nobody
  --save DIR             keeps what was said, for --run
  --deadline-seconds N   how long to wait for rest (90)
  --json                 the verdict as JSON

It is load-tests/auditor/main.ts in a process of its own; that knows more flags.`

const options = {
  run: { type: 'string' },
  save: { type: 'string' },
  'deadline-seconds': { type: 'string' },
  json: { type: 'boolean' },
} as const
const exitUnknown = 2

type Values = Readonly<Record<string, string | boolean | undefined>>

if (import.meta.main) await runCommandLine({ help, options, run }, process.argv.slice(2))

async function run(values: Values): Promise<number> {
  let command: AuditorCommand
  try {
    command = await commandFor(values)
  } catch (error) {
    // Nobody could be asked: that is no broken promise, which 1 would say.
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    return exitUnknown
  }
  for (const line of command.advice) process.stderr.write(`${line}\n\n`)
  return runTool(process.execPath, command.args, { ...process.env, ...command.env })
}

async function commandFor(values: Values): Promise<AuditorCommand> {
  const { run: dir, save, json, 'deadline-seconds': seconds } = values
  const flags = json ? ['--json'] : []
  if (typeof dir === 'string') return auditRecorded(whereCalled(dir), flags)
  if (typeof save === 'string') flags.push('--save', whereCalled(save))
  if (typeof seconds === 'string') flags.push('--deadline-seconds', seconds)
  return auditRunning(await findRunningSources(process.env), flags)
}

/** npm runs scripts at the root of the repository, wherever the person is. */
function whereCalled(path: string): string {
  return resolve(process.env['INIT_CWD'] ?? '.', path)
}
