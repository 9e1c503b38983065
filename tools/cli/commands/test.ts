/** Runs the tests: all but those of browser and load, or `-- unit` and so on, or those of a path. */
import { relative } from 'node:path'
import type { TestModule } from 'vitest/node'
import { parseCLI, startVitest } from 'vitest/node'
import { exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'
import { showControls } from '../terminal/show-controls.ts'

const projects = ['unit', 'integration', 'structure', 'browser', 'load']
/** Minutes each, and only when they are named. */
const namedOnly = ['browser', 'load']

const description = `Runs the tests on parts of their own, on free ports, beside a running system. Two
kinds run only when they are named: \`browser\` opens the console in Chromium, and \`load\` puts a
system under load, one file at a time. One of these needs k6, which may have to be built first. The last
line counts the tests: "N passed, N failed", and "N skipped" if any were.`

export const command = npmCommand('test', description)
  .usage(`[${projects.join(' | ')}] [path or Vitest option ...]`)
  .argument('[filters...]', 'a project first, then paths; options go to Vitest')
  .allowUnknownOption()
  .action(exitWith(run))

// Vitest draws its last lines again and again.
if (import.meta.main) await runCommand(command, undefined, { movesCursor: true })

async function run(): Promise<number> {
  const [first = '', ...rest] = command.args
  const vitestArgs = projects.includes(first)
    ? ['--project', first, ...rest]
    : [...namedOnly.flatMap(project => ['--project', `!${project}`]), ...command.args]
  const { filter, options } = parseVitestArgs(vitestArgs)
  const vitest = await startVitest('test', filter, options)
  const modules = vitest.state.getTestModules()
  const unhandledErrors = vitest.state.getUnhandledErrors()
  const count = countTests(modules, unhandledErrors)
  await vitest.close()
  const exitCode = Number(process.exitCode ?? 0)
  for (const line of describeFailures(modules, unhandledErrors)) console.log(showControls(line))
  console.log(describe(count))
  return exitCode
}

function parseVitestArgs(args: readonly string[]): ReturnType<typeof parseCLI> {
  try {
    return parseCLI(['vitest', 'run', ...args])
  } catch (error) {
    return command.error(error instanceof Error ? error.message : String(error))
  }
}

type TestCount = Readonly<{ passed: number; failed: number; skipped: number }>

/**
 * Counts what was run. A file that could not be loaded and an error outside of any test count as one
 * failure each: "0 failed" is only said when nothing failed.
 */
function countTests(modules: Iterable<TestModule>, unhandledErrors: readonly unknown[]): TestCount {
  const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
  for (const module of modules) {
    let failedTests = 0
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') count.passed += 1
      else if (state === 'failed') failedTests += 1
      else count.skipped += 1
    }
    const failedOtherwise = module.state() === 'failed' && failedTests === 0 ? 1 : 0
    count.failed += failedTests + failedOtherwise
  }
  return count
}

/**
 * Names each failure again, with the first line of its error, because the end of a long log is what
 * is read first. The path after `npm test --` runs it alone. A failed hook fails its file or its group.
 */
function* describeFailures(
  modules: readonly TestModule[],
  unhandledErrors: readonly unknown[],
): Iterable<string> {
  for (const module of modules) {
    const path = relative(process.cwd(), module.moduleId)
    for (const error of module.errors()) yield `failed: ${path}: ${firstLine(error.message)}`
    for (const suite of module.children.allSuites()) {
      for (const error of suite.errors()) {
        yield `failed: ${path} > ${suite.fullName}: ${firstLine(error.message)}`
      }
    }
    for (const test of module.children.allTests('failed')) {
      const [error] = test.result().errors ?? []
      yield `failed: ${path} > ${test.fullName}: ${firstLine(error?.message)}`
    }
  }
  for (const error of unhandledErrors) {
    yield `failed outside of a test: ${firstLine(messageOf(error))}`
  }
}

/** An error that came from a worker has no prototype: it is a plain object. */
function messageOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) return `${error.message}`
  return typeof error === 'string' ? error : 'not an error'
}

function firstLine(message = 'no message'): string {
  return message.split('\n', 1)[0] ?? message
}

function describe({ passed, failed, skipped }: TestCount): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
