/** Runs a program of this repository with the Node that all else runs with; yours may be older. */
import { exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'
import { runTool } from '../terminal/run-tool.ts'

const description = `Runs a file of this repository with the pinned Node, which is fetched when yours is
older than 24.11.1 and so cannot run TypeScript.`

const example = `
For example the auditor by itself:
  npm run node -- load-tests/auditor/main.ts --help`

export const command = npmCommand('node', description)
  .argument('<file>', 'the program')
  .argument('[arguments...]', 'what the program is started with')
  .passThroughOptions()
  .addHelpText('after', example)
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

function run(file: string, args: readonly string[]): Promise<number> {
  return runTool(process.execPath, [file, ...args])
}
