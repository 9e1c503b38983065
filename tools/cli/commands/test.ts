/** Runs the tests: all of them, or `-- unit`, `-- integration`, `-- structure`, or those of a path. */
import { parseCLI, startVitest } from 'vitest/node'
import { countTests, type TestCount } from '../terminal/count-tests.ts'

const projects = ['unit', 'integration', 'structure']

const help = `Usage: npm test [-- [${projects.join(' | ')}] [path or Vitest option ...]]

Runs the tests on parts of their own, on free ports, beside a running system. The last line counts
them: "N passed, N failed", and "N skipped" if any were.`

if (import.meta.main) process.exit(await main(process.argv.slice(2)))

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(help)
    return 0
  }
  const [first = '', ...rest] = args
  const vitestArgs = projects.includes(first) ? ['--project', first, ...rest] : args
  const { filter, options } = parseCLI(['vitest', 'run', ...vitestArgs])
  const vitest = await startVitest('test', filter, options)
  const count = countTests(vitest.state.getTestModules(), vitest.state.getUnhandledErrors())
  await vitest.close()
  const exitCode = Number(process.exitCode ?? 0)
  console.log(describe(count))
  return exitCode
}

function describe({ passed, failed, skipped }: TestCount): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
