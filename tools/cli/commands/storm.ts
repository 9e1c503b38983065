/** Three in the morning: ten times the load while things break, and a verdict about the data. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { verdictText } from '@nightshift/load-tests/auditor/verdict-text'
import { openThrowAwayParts } from '@nightshift/load-tests/harness/test-parts'
import {
  assertMayWrite,
  keepResult,
  resultsDir,
} from '@nightshift/load-tests/reporting/keep-result'
import { describeCommit } from '@nightshift/load-tests/reporting/result-head'
import { runStorm, type Storm, stormSometimes } from '@nightshift/load-tests/storm/run-storm'
import { collapsedBelow, judgeGoals } from '@nightshift/load-tests/storm/storm-goals'
import { resultOfStorms, type StormArm } from '@nightshift/load-tests/storm/storm-result'
import { findK6 } from '@nightshift/local/parts/k6'
import { readNumber } from '@nightshift/local/read-number'
import { statePaths } from '@nightshift/local/system/state'
import { switchesIn } from '@nightshift/local/system/switches'
import { describeProgress, describeSummary } from '../terminal/print-load.ts'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'

const description = `Starts a fresh system of its own, sends it a steady load of 0.7 of its rated
capacity while the provider, PostgreSQL and Kafka are away for some seconds each, then ten times that for
five minutes while the provider is slow and silent, Kafka is killed, Redis emptied and payments killed,
then steady load again. No person repairs anything. Then the auditor reads every source and says whether
the promises were kept, and the figures are compared with their goals.

Exit code 0 when all was kept and reached, 1 when a promise was broken or a goal missed, 2 when that
cannot be said: something that had to happen did not, or the load was not what it was meant to be.`

const environmentHelp = `
PATTERN_LOAD_SHEDDING=naive before it shows the same night without the pattern; so do
PATTERN_IDEMPOTENCY_KEY and PATTERN_OUTBOX. Every request, answer and source, k6's report and a page
with a chart, storm.html, are kept in .nightshift/run/storm.`

const ratedPerSecondMax = 100
const roundsMax = 20
const seedMax = 2 ** 31
const exitBroken = 1
const exitUnknown = 2
const readRate = (text: string) => readNumber('--rate', text, ratedPerSecondMax)
const readRounds = (text: string) => readNumber('--rounds', text, roundsMax)
const readSeed = (text: string) => readNumber('--seed', text, seedMax)

/** The result of one whole night, and that of several short ones with and without the pattern. */
const names = { one: 'storm', compared: 'three-in-the-morning' } as const
const withoutShedding = { PATTERN_LOAD_SHEDDING: 'naive' } as const

export const command = npmCommand('storm', description)
  .option('--short', 'the same in three minutes')
  .option(
    '--rounds <n>',
    'so many short ones with all patterns, and as many without load shedding, in turn',
    parsedBy(readRounds),
  )
  .option(
    '--rate <n>',
    "the rated capacity, in payments per second: the provider's quota; at most 100",
    parsedBy(readRate),
    10,
  )
  .option('--seed <n>', 'another crowd', parsedBy(readSeed), 1)
  .option(
    '--write',
    `keep the result and its page in load-tests/results: ${names.one}, or with --rounds ${names.compared}; refused with --short or a switch`,
  )
  .option('--json', 'verdict and figures as JSON on standard output')
  .addHelpText('after', environmentHelp)
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

type Options = Readonly<{
  short?: boolean
  rounds?: number
  rate: number
  seed: number
  write?: boolean
  json?: boolean
}>

async function run(options: Options): Promise<number> {
  const { short = false, rounds, rate, seed, write = false, json } = options
  const switches = switchesIn(process.env)
  const name = rounds === undefined ? names.one : names.compared
  if (rounds !== undefined) assertNoSwitch(switches, '--rounds chooses the switches itself')
  if (write) {
    assertNoSwitch(switches, '--write keeps a night with all patterns')
    await assertMayWrite(name, { rounds: rounds ?? 1, short })
  }
  const night = await openNight(options)
  const commit = await describeCommit()
  const arms = rounds === undefined ? await night.one(switches) : await night.inTurn(rounds)

  const flags = [
    `--rate ${rate}`,
    `--seed ${seed}`,
    ...(short ? ['--short'] : []),
    ...(rounds === undefined ? [] : [`--rounds ${rounds}`]),
  ]
  const named = { name, command: `npm run storm -- ${flags.join(' ')}` }
  const result = await resultOfStorms(arms, { ...named, ...commit, seed, ratedPerSecond: rate })
  await writeFile(join(night.dir, 'result.json'), `${JSON.stringify(result, null, 2)}\n`)
  console.log(json ? JSON.stringify(result, null, 2) : describe(arms, result))
  process.stderr.write(`kept in ${night.dir}\n${await keepResult(result, { write })}\n`)
  const [page] = Object.values(arms).flatMap(({ storms }) => storms.map(storm => storm.page))
  if (write && page !== undefined) await copyFile(page, join(resultsDir, `${name}.html`))
  const exitCodes = { proved: 0, measured: exitBroken, broken: exitBroken } as const
  return result.outcome === 'not-exercised' ? exitUnknown : exitCodes[result.outcome]
}

function assertNoSwitch(switches: Readonly<Record<string, string>>, because: string): void {
  const [name] = Object.keys(switches)
  if (name !== undefined) throw new Error(`${because}: unset ${name}.`)
}

type KeptStorm = Storm & Readonly<{ page: string }>
type KeptArm = Pick<StormArm, 'switches'> & Readonly<{ storms: readonly KeptStorm[] }>

/** Everything that storms have in common: k6, a directory, and the way to stop them. */
async function openNight({ short = false, rounds, rate, seed }: Options) {
  const startedAt = performance.now()
  const say = (line: string) => {
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)
    process.stderr.write(`${seconds} s  ${line}\n`)
  }
  const k6 = await findK6({ toolsDir: statePaths().tools, environment: process.env, report: say })
  if (k6.how === 'missing') throw new Error(`${k6.needed} is missing: ${k6.fix}`)
  const dir = join(statePaths().run, 'storm', new Date().toISOString().replaceAll(':', ''))
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort(new Error('Interrupted.')))
  process.once('SIGTERM', () => stop.abort(new Error('Interrupted.')))
  const isShort = short || rounds !== undefined

  const once = async (
    switches: Readonly<Record<string, string>>,
    storm: Readonly<{ at: string; seed: number }>,
  ): Promise<KeptStorm> => {
    await mkdir(storm.at, { recursive: true })
    say('starting a system of its own')
    await using open = await openThrowAwayParts()
    const ended = await runStorm({
      parts: open.parts,
      k6,
      dir: storm.at,
      seed: storm.seed,
      short: isShort,
      ratedPerSecond: rate,
      switches,
      say,
      signal: stop.signal,
      onProgress: (numbers, faultsNow) => {
        const now = faultsNow.length === 0 ? '' : `  now: ${faultsNow.join(', ')}`
        say(`${describeProgress(numbers)}${now}`)
      },
    })
    const verdict = `${JSON.stringify(ended.verdict, null, 2)}\n`
    await writeFile(join(storm.at, 'verdict.json'), verdict)
    return { ...ended, page: join(storm.at, 'storm.html') }
  }

  return {
    dir,
    async one(switches: Readonly<Record<string, string>>): Promise<Record<string, KeptArm>> {
      const arm = Object.values(switches).includes('naive') ? 'naive' : 'with'
      return { [arm]: { switches, storms: [await once(switches, { at: dir, seed })] } }
    },
    /** In turn, so that a machine that slows down affects both arms. */
    async inTurn(count: number): Promise<Record<string, KeptArm>> {
      const kept: Record<'with' | 'naive', KeptStorm[]> = { with: [], naive: [] }
      for (let round = 1; round <= count; round += 1) {
        for (const arm of ['with', 'naive'] as const) {
          say(`round ${round} of ${count}, ${arm}`)
          const at = join(dir, `${round}-${arm}`)
          const switches = arm === 'naive' ? withoutShedding : {}
          kept[arm].push(await once(switches, { at, seed: seed + round }))
        }
      }
      return {
        with: { switches: {}, storms: kept.with },
        naive: { switches: withoutShedding, storms: kept.naive },
      }
    },
  }
}

function describe(
  arms: Readonly<Record<string, KeptArm>>,
  result: Awaited<ReturnType<typeof resultOfStorms>>,
): string {
  const storms = Object.values(arms).flatMap(arm => arm.storms)
  const medians = Object.entries(result.arms).map(
    ([arm, { median }]) => `${arm}\n${describeFigures(median)}\n${describeCollapse(median)}`,
  )
  return [...storms.map(describeStorm), ...medians].filter(text => text !== '').join('\n\n')
}

function describeStorm({ verdict, summary, k6ExitCode, k6Output }: Storm): string {
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

function describeFigures(figures: Readonly<Record<string, number>>): string {
  const goals = judgeGoals(figures)
  const width = Math.max(...goals.map(({ figure }) => figure.length))
  return goals
    .map(({ figure, value, goal, met }) => {
      const reached = met ? 'reached' : 'missed'
      return `  ${figure.padEnd(width)}  ${String(value).padStart(8)}  ${goal.padEnd(8)} ${reached}`
    })
    .join('\n')
}

function describeCollapse({ servedToSaturated = Number.NaN }: Readonly<Record<string, number>>) {
  const percent = Math.round(servedToSaturated * 100)
  return servedToSaturated < collapsedBelow
    ? `It collapsed: at ten times the load it served ${percent} % of its rated capacity.`
    : `At ten times the load it served ${percent} % of its rated capacity.`
}
