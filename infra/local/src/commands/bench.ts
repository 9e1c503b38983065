/** Measures what something costs, in rounds that take turns, and writes it down. */
import { resultHead } from '@nightshift/load-tests/experiments/result-head'
import { spreadOf } from '@nightshift/load-tests/experiments/spread'
import { runCommandLine } from '../command.ts'
import type { Bench } from '../proofs/bench.ts'
import { benchFaultProxy } from '../proofs/bench-fault-proxy.ts'
import { benchRecording } from '../proofs/bench-recording.ts'
import { describeCommit } from '../proofs/describe-commit.ts'
import { writeResult } from '../proofs/write-result.ts'
import { readNumber } from '../read-number.ts'
import { renderTable } from '../table.ts'

const benches: readonly Bench[] = [benchFaultProxy, benchRecording]

const help = `Usage: npm run bench -- <name> [--rounds N] [--seconds N] [--short] [--json]

Measures a price and writes load-tests/results. Speeds are of this machine and this hour: the result
names the machine, and gives the median of the rounds with the least and the most.

  <name>       ${benches.map(({ name, title }) => `${name}: ${title}`).join('\n               ')}
  --rounds N   (5)
  --seconds N  of each arm of a round (10)
  --short      one round of two seconds, and nothing is written
  --json       the result as JSON on standard output`

const options = {
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  short: { type: 'boolean' },
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
  const say = (line: string) => process.stderr.write(`${bench.name}: ${line}\n`)
  const commit = await describeCommit()
  const measured = await bench.measure({ rounds, seconds, say })
  const arms = Object.fromEntries(
    Object.entries(measured).map(([arm, figures]) => [arm, spreadOf(figures)]),
  )
  const { result: name, title } = bench
  const command = `npm run bench -- ${bench.name} --rounds ${rounds} --seconds ${seconds}`
  const result = {
    ...(await resultHead({ name, kind: 'bench', title, command, seed }, commit)),
    arms,
    outcome: 'measured',
  }
  if (!short) await writeResult(result)
  console.log(values['json'] ? JSON.stringify(result, null, 2) : describe(arms))
  return 0
}

function find(names: readonly string[]): Bench {
  const bench = benches.find(({ name }) => name === names[0])
  if (bench && names.length === 1) return bench
  throw new Error(`Name one of: ${benches.map(({ name }) => name).join(', ')}.\n\n${help}`)
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
