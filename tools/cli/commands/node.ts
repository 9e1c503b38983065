/** Runs a program of this repository with the Node that all else runs with; yours may be older. */
import { runCommandLine } from '../terminal/command-line.ts'
import { runTool } from '../terminal/run-tool.ts'

const help = `Usage: npm run node -- <file> [arguments]

Runs a file of this repository with the pinned Node, which is fetched when yours is older than 24.11.1
and so can not run TypeScript. For example the auditor by itself:

  npm run node -- load-tests/auditor/main.ts --help`

if (import.meta.main) {
  const [file, ...args] = process.argv.slice(2)
  if (file === undefined || file.startsWith('-')) {
    await runCommandLine({ help, run: async () => printHelp() }, process.argv.slice(2))
  } else process.exitCode = await runTool(process.execPath, [file, ...args])
}

/** Nothing was named, so there is nothing to run. */
async function printHelp(): Promise<number> {
  process.stderr.write(`${help}\n`)
  return 2
}
