/** Three in the morning: ten times the load while things break, and a verdict about the data. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { verdictText } from '@nightshift/load-tests/auditor/verdict-text'
import { openThrowAwayParts } from '@nightshift/load-tests/harness/test-parts'
import { assertMayWrite, keepResult } from '@nightshift/load-tests/reporting/keep-result'
import { describeCommit } from '@nightshift/load-tests/reporting/result-head'
import { runStorm, type Storm, stormSometimes } from '@nightshift/load-tests/storm/run-storm'
import { resultOfStorm } from '@nightshift/load-tests/storm/storm-result'
import { findK6 } from '@nightshift/local/parts/k6'
import { readNumber } from '@nightshift/local/read-number'
import { statePaths } from '@nightshift/local/system/state'
import { switchesIn } from '@nightshift/local/system/switches'
import { describeProgress, describeSummary } from '../terminal/print-load.ts'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'

const description = `Starts a fresh system of its own, sends it a steady load of 0.7 of its rated
capacity, then ten times that for five minutes while the provider is slow and silent, Kafka is killed,
Redis emptied and payments killed, then steady load again. No person repairs anything. Then the auditor
reads every source and says whether the promises were kept.

Exit code 0 when they were, 1 when one was broken, 2 when that cannot be said: something that had to
happen did not, or the load was not what it was meant to be.`

const environmentHelp = `
PATTERN_IDEMPOTENCY_KEY=naive or PATTERN_OUTBOX=naive before it shows the same night without the
pattern. Every request, answer and source, and k6's report, are kept in .nightshift/run/storm.`

const ratedPerSecondMax = 100
const seedMax = 2 ** 31
const exitBroken = 1
const exitUnknown = 2
const readRate = (text: string) => readNumber('--rate', text, ratedPerSecondMax)
const readSeed = (text: string) => readNumber('--seed', text, seedMax)

export const command = npmCommand('storm', description)
  .option('--short', 'the same in 90 seconds')
  .option(
    '--rate <n>',
    "the rated capacity, in payments per second: the provider's quota; at most 100",
    parsedBy(readRate),
    10,
  )
  .option('--seed <n>', 'another crowd', parsedBy(readSeed), 1)
  .option(
    '--write',
    'keep the result in load-tests/results/storm.json; refused with --short or a switch',
  )
  .option('--json', 'verdict and figures as JSON on standard output')
  .addHelpText('after', environmentHelp)
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

type Options = { short?: boolean; rate: number; seed: number; write?: boolean; json?: boolean }

async function run({
  short = false,
  rate: ratedPerSecond,
  seed,
  write = false,
  json,
}: Options): Promise<number> {
  const switches = switchesIn(process.env)
  if (write) await assertMayKeep(switches, short)
  const startedAt = performance.now()
  const say = (line: string) => {
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)
    process.stderr.write(`${seconds} s  ${line}\n`)
  }
  const k6 = await findK6({ toolsDir: statePaths().tools, environment: process.env, report: say })
  if (k6.how === 'missing') throw new Error(`${k6.needed} is missing: ${k6.fix}`)
  const commit = await describeCommit()
  const dir = join(statePaths().run, 'storm', new Date().toISOString().replaceAll(':', ''))
  await mkdir(dir, { recursive: true })
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort(new Error('Interrupted.')))
  process.once('SIGTERM', () => stop.abort(new Error('Interrupted.')))

  say('starting a system of its own')
  await using open = await openThrowAwayParts()
  const storm = await runStorm({
    parts: open.parts,
    k6,
    dir,
    seed,
    short,
    ratedPerSecond,
    switches,
    say,
    signal: stop.signal,
    onProgress: (numbers, faultsNow) => {
      const now = faultsNow.length === 0 ? '' : `  now: ${faultsNow.join(', ')}`
      say(`${describeProgress(numbers)}${now}`)
    },
  })
  const result = await resultOfStorm(storm, { ...commit, seed, short, ratedPerSecond, switches })
  await writeFile(join(dir, 'verdict.json'), `${JSON.stringify(storm.verdict, null, 2)}\n`)
  await writeFile(join(dir, 'result.json'), `${JSON.stringify(result, null, 2)}\n`)
  console.log(json ? JSON.stringify(result, null, 2) : describe(storm))
  process.stderr.write(`kept in ${dir}\n${await keepResult(result, { write })}\n`)
  return exitCodeOf(storm)
}

/** @throws when the night is not the one that the pages would quote */
async function assertMayKeep(switches: Readonly<Record<string, string>>, short: boolean) {
  const [name] = Object.keys(switches)
  if (name !== undefined) throw new Error(`--write keeps a night with all patterns: unset ${name}.`)
  await assertMayWrite('storm', { rounds: 1, short })
}

function describe({ verdict, summary, figures, k6ExitCode, k6Output }: Storm): string {
  const { unmet } = verdict.coverage
  const met = stormSometimes.length - unmet.length
  return [
    verdictText(verdict),
    `${met} of ${stormSometimes.length} things that had to happen did.`,
    summary === undefined ? `k6 ended without a summary: ${k6Output}` : describeSummary(summary),
    describeFigures(figures),
    k6ExitCode === 0 ? '' : `The load was not what it was meant to be (k6 said ${k6ExitCode}).`,
  ]
    .filter(text => text !== '')
    .join('\n\n')
}

function describeFigures(figures: Storm['figures']): string {
  const names = Object.keys(figures)
  const width = Math.max(...names.map(name => name.length))
  return names.map(name => `${name.padEnd(width)}  ${figures[name]}`).join('\n')
}

function exitCodeOf({ verdict, k6ExitCode }: Storm): number {
  if (verdict.valid === false) return exitBroken
  return verdict.valid === true && k6ExitCode === 0 ? 0 : exitUnknown
}
