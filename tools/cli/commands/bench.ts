/** Measures what something costs, in rounds that take turns. */

import type { Bench } from '@nightshift/load-tests/bench/bench'
import { benchFaultProxy } from '@nightshift/load-tests/bench/bench-fault-proxy'
import { benchPayments } from '@nightshift/load-tests/bench/bench-payments'
import { benchRecording } from '@nightshift/load-tests/bench/bench-recording'
import { median, round, spreadOf } from '@nightshift/load-tests/reporting/figures'
import { assertMayWrite, keepResult } from '@nightshift/load-tests/reporting/keep-result'
import { describeCommit, resultHead } from '@nightshift/load-tests/reporting/result-head'
import { readNumber } from '@nightshift/local/read-number'
import { runCommandLine } from '../terminal/command-line.ts'
import { renderTable } from '../terminal/table.ts'

const benches: readonly Bench[] = [benchPayments, benchFaultProxy, benchRecording]

const help = `Usage: npm run bench -- <name> [--rounds N] [--seconds N] [--short] [--write] [--json]

Measures a price and prints it. Nothing is written unless --write says so. Speeds are of this machine and this hour: the result
names the machine, and gives the median of the rounds with the least and the most.

  <name>       ${benches.map(({ name, title }) => `${name}: ${title}`).join('\n               ')}
  --rounds N   (5)
  --seconds N  of each arm of a round (10)
  --short      one round of two seconds
  --write      keeps the result in load-tests/results, over the one that is committed; refused with
               --short, or with fewer rounds or seconds than that one has
  --json       the result as JSON on standard output`

const options = {
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  short: { type: 'boolean' },
  write: { type: 'boolean' },
  json: { type: 'boolean' },
} as const
const roundsMax = 100
const secondsMax = 600
/** A bench throws no dice. */
const seed = 0

type Values = Readonly<Record<string, string | boolean | undefined>>

if (import.meta.main) {
  await runCommandLine({ help, options, allowPositionals: true, run }, process.argv.slice(2))
}

async function run(values: Values, names: readonly string[]): Promise<number> {
  const bench = find(names)
  const short = values['short'] === true
  const rounds = readNumber('--rounds', values['rounds'] ?? (short ? '1' : '5'), roundsMax)
  const seconds = readNumber('--seconds', values['seconds'] ?? (short ? '2' : '10'), secondsMax)
  const write = values['write'] === true
  if (write) await assertMayWrite(bench.result, { rounds, seconds, short })
  const say = (line: string) => process.stderr.write(`${bench.name}: ${line}\n`)
  const commit = await describeCommit()
  const measured = await bench.measure({ rounds, seconds, say })
  const arms = Object.fromEntries(
    Object.entries(measured.arms).map(([arm, figures]) => [arm, spreadOf(figures)]),
  )
  const ratios = measured.ratios && spreadOfRatios(measured.ratios)
  const targets = ratios && judge(bench, ratios)
  const { result: name, title } = bench
  const command = `npm run bench -- ${bench.name} --rounds ${rounds} --seconds ${seconds}`
  const result = {
    ...(await resultHead({ name, kind: 'bench', title, command, seed }, commit)),
    ...{ arms, ...(ratios && { ratios }), ...(targets && { targets }) },
    outcome: 'measured',
  }
  if (values['json']) console.log(JSON.stringify(result, null, 2))
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

/** A target that is missed is said, and is no failure: the machine decides too. */
function judge({ targets = [] }: Bench, ratios: Ratios) {
  return targets.flatMap(({ ratio, atLeast }) => {
    const value = ratios[ratio]?.median
    if (value === undefined) return []
    return [{ figure: ratio, goal: `>= ${atLeast}`, value, met: value >= atLeast }]
  })
}

function find(names: readonly string[]): Bench {
  const bench = benches.find(({ name }) => name === names[0])
  if (bench && names.length === 1) return bench
  throw new Error(`Name one of: ${benches.map(({ name }) => name).join(', ')}.\n\n${help}`)
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
