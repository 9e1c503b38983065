/** Measures what something costs, in rounds that alternate. */

import type { Bench } from '@nightshift/load-tests/bench/bench'
import { benchFaultProxy } from '@nightshift/load-tests/bench/bench-fault-proxy'
import { benchPayments } from '@nightshift/load-tests/bench/bench-payments'
import { benchRecording } from '@nightshift/load-tests/bench/bench-recording'
import { benchShed } from '@nightshift/load-tests/bench/bench-shed'
import { benchTracing } from '@nightshift/load-tests/bench/bench-tracing'
import { median, round, spreadOf } from '@nightshift/load-tests/reporting/figures'
import { assertMayWrite, keepResult } from '@nightshift/load-tests/reporting/keep-result'
import { describeCommit, resultHead } from '@nightshift/load-tests/reporting/result-head'
import { readNumber } from '@nightshift/local/read-number'
import { Argument } from 'commander'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'
import { renderTable } from '../terminal/table.ts'

const benches: readonly Bench[] = [
  benchPayments,
  benchShed,
  benchTracing,
  benchFaultProxy,
  benchRecording,
]

const description = `Measures what something costs, in rounds that alternate, and prints it. Nothing is written unless --write says so. Speeds
are of this machine and this hour: the result names the machine, and gives the median of the rounds with
the least and the most.`

const benchList = benches.map(({ name, title }) => `  ${name.padEnd(12)} ${title}`).join('\n')
const roundsMax = 100
const secondsMax = 600
/** A bench uses no random source. */
const seed = 0
const readRounds = (text: string) => readNumber('--rounds', text, roundsMax)
const readSeconds = (text: string) => readNumber('--seconds', text, secondsMax)

export const command = npmCommand('bench', description)
  .addArgument(new Argument('<name>', 'the bench').choices(benches.map(({ name }) => name)))
  .option('--rounds <n>', 'rounds of each arm (5)', parsedBy(readRounds))
  .option('--seconds <n>', 'time of each arm in a round (10)', parsedBy(readSeconds))
  .option('--short', 'one round of two seconds')
  .option(
    '--write',
    'keep the result in load-tests/results, over the one that is committed; refused with --short, or with fewer rounds or seconds than that one has',
  )
  .option('--json', 'the result as JSON on standard output')
  .addHelpText('after', `\nBenches:\n${benchList}`)
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

type Options = {
  rounds?: number
  seconds?: number
  short?: boolean
  write?: boolean
  json?: boolean
}

async function run(
  name: string,
  { short = false, rounds = short ? 1 : 5, seconds = short ? 2 : 10, write = false, json }: Options,
): Promise<number> {
  const bench = benches.find(each => each.name === name)
  if (bench === undefined) throw new Error(`There is no bench ${name}.`)
  if (write) await assertMayWrite(bench.result, { rounds, seconds, short })
  const say = (line: string) => process.stderr.write(`${bench.name}: ${line}\n`)
  const commit = await describeCommit()
  const measured = await bench.measure({ rounds, seconds, say })
  const arms = Object.fromEntries(
    Object.entries(measured.arms).map(([arm, figures]) => [arm, spreadOf(figures)]),
  )
  const ratios = measured.ratios && spreadOfRatios(measured.ratios)
  const targets = ratios && judge(bench, ratios)
  const started = `npm run bench -- ${bench.name} --rounds ${rounds} --seconds ${seconds}`
  const about = { name: bench.result, kind: 'bench', title: bench.title, command: started, seed }
  const result = {
    ...(await resultHead(about, commit)),
    arms,
    ...(ratios && { ratios }),
    ...(targets && { targets }),
    outcome: 'measured',
  }
  if (json) console.log(JSON.stringify(result, null, 2))
  else console.log([describe(arms), ...describeRatios(ratios, targets)].join('\n\n'))
  say(await keepResult(result, { write }))
  return 0
}

type Ratio = Readonly<{ median: number; range: readonly [least: number, most: number] }>
type Ratios = Readonly<Record<string, Ratio>>

function spreadOfRatios(measured: Readonly<Record<string, readonly number[]>>): Ratios {
  return Object.fromEntries(
    Object.entries(measured).map(([name, rounds]) => {
      const range = [round(Math.min(...rounds)), round(Math.max(...rounds))] as const
      return [name, { median: median(rounds), range }]
    }),
  )
}

/** A missed target is reported and is no failure: the machine decides too. */
function judge({ targets = [] }: Bench, ratios: Ratios) {
  return targets.flatMap(target => {
    const { ratio: figure } = target
    const value = ratios[figure]?.median
    if (value === undefined) return []
    return 'atLeast' in target
      ? [{ figure, goal: `>= ${target.atLeast}`, value, met: value >= target.atLeast }]
      : [{ figure, goal: `<= ${target.atMost}`, value, met: value <= target.atMost }]
  })
}

function describeRatios(
  ratios: Ratios | undefined,
  targets: ReturnType<typeof judge> | undefined,
): string[] {
  if (!ratios) return []
  const rows = Object.entries(ratios).map(
    ([
      ratio,
      {
        median,
        range: [least, most],
      },
    ]) => {
      const target = targets?.find(({ figure }) => figure === ratio)
      const reached = target ? `${target.goal} ${target.met ? 'reached' : 'missed'}` : ''
      return { ratio, median: String(median), range: `${least} to ${most}`, target: reached }
    },
  )
  return [renderTable(rows)]
}

function describe(arms: Readonly<Record<string, ReturnType<typeof spreadOf>>>): string {
  return renderTable(
    Object.entries(arms).flatMap(([arm, { median, range }]) =>
      Object.entries(median).map(([figure, value]) => {
        const [least, most] = range[figure] ?? []
        return { arm, figure, median: String(value), range: `${least} to ${most}` }
      }),
    ),
  )
}
