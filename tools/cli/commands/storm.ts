/** The night at three: ten times the load while things break, and a verdict about the data. */
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
import { runCommandLine } from '../terminal/command-line.ts'
import { describeProgress, describeSummary } from '../terminal/print-load.ts'

const help = `Usage: npm run storm [-- --short] [--rate N] [--seed N] [--write] [--json]

Starts a fresh system of its own, sends it a steady load of 0.7 of its rated capacity, then ten times
that for five minutes while the provider is slow and silent, Kafka is killed, Redis emptied and
payments killed, then steady load again. Nobody repairs anything. Then the auditor asks every witness
and says whether the promises were kept.

Exit code 0 when they were, 1 when one was broken, 2 when that can not be said: something that had to
happen did not, or the load was not what it was meant to be.

  --short    the same in 90 seconds
  --rate N   the rated capacity, in payments per second: the provider's quota (10; at most 100)
  --seed N   another crowd (1)
  --write    keeps the result in load-tests/results/storm.json; refused with --short or a switch
  --json     verdict and figures as JSON on standard output

PATTERN_IDEMPOTENCY_KEY=naive or PATTERN_OUTBOX=naive before it shows the same night without the
pattern. What was asked, answered and seen, and k6's report, are kept in .nightshift/run/storm.`

const options = {
  short: { type: 'boolean' },
  rate: { type: 'string', default: '10' },
  seed: { type: 'string', default: '1' },
  write: { type: 'boolean' },
  json: { type: 'boolean' },
} as const
const ratedPerSecondMax = 100
const exitBroken = 1
const exitUnknown = 2

type Values = Readonly<Record<string, string | boolean | undefined>>

if (import.meta.main) await runCommandLine({ help, options, run }, process.argv.slice(2))

async function run(values: Values): Promise<number> {
  const ratedPerSecond = readNumber('--rate', values['rate'], ratedPerSecondMax)
  const seed = readNumber('--seed', values['seed'], 2 ** 31)
  const short = values['short'] === true
  const switches = switchesIn(process.env)
  const write = values['write'] === true
  if (write) await assertMayKeep(switches, short)
  const startedAt = performance.now()
  const say = (line: string) => {
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)
    process.stderr.write(`${seconds} s  ${line}\n`)
  }
  const k6 = await findK6({ toolsDir: statePaths().tools, environment: process.env, say })
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
    ...{ parts: open.parts, k6, dir, seed, short, ratedPerSecond, switches, say },
    signal: stop.signal,
    onProgress: (numbers, faultsNow) => {
      const now = faultsNow.length === 0 ? '' : `  now: ${faultsNow.join(', ')}`
      say(`${describeProgress(numbers)}${now}`)
    },
  })
  const result = await resultOfStorm(storm, { ...commit, seed, short, ratedPerSecond, switches })
  await writeFile(join(dir, 'verdict.json'), `${JSON.stringify(storm.verdict, null, 2)}\n`)
  await writeFile(join(dir, 'result.json'), `${JSON.stringify(result, null, 2)}\n`)
  console.log(values['json'] ? JSON.stringify(result, null, 2) : describe(storm))
  process.stderr.write(`kept in ${dir}\n${await keepResult(result, { write })}\n`)
  return exitCodeOf(storm)
}

/** @throws when the night is not the one that the pages would quote */
async function assertMayKeep(switches: Readonly<Record<string, string>>, short: boolean) {
  const [name] = Object.keys(switches)
  if (name !== undefined) throw new Error(`--write keeps a night with all patterns: unset ${name}.`)
  await assertMayWrite('storm', { rounds: 1, short })
}

function describe({ verdict, summary, k6ExitCode, k6Output }: Storm): string {
  const { unmet } = verdict.coverage
  const met = stormSometimes.length - unmet.length
  return [
    verdictText(verdict),
    `${met} of ${stormSometimes.length} things that had to happen did.`,
    summary === undefined ? `k6 ended without a summary: ${k6Output}` : describeSummary(summary),
    k6ExitCode === 0 ? '' : `The load was not what it was meant to be (k6 said ${k6ExitCode}).`,
  ]
    .filter(text => text !== '')
    .join('\n\n')
}

function exitCodeOf({ verdict, k6ExitCode }: Storm): number {
  if (verdict.valid === false) return exitBroken
  return verdict.valid === true && k6ExitCode === 0 ? 0 : exitUnknown
}
