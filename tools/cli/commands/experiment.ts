/** Breaks the system with and without a pattern, and shows the difference. */
import { proofs } from '@nightshift/load-tests/experiments/all'
import { exitCodeOf, runProofs } from '@nightshift/load-tests/runner/run-proofs'
import { readNumber } from '@nightshift/local/read-number'
import { Argument } from 'commander'
import { describeResults } from '../terminal/describe-results.ts'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'

const description = `Runs both arms of an experiment in turn, naive and with, each on fresh data, lets
the auditor judge them, and prints the outcome. Nothing is written unless --write says so. Exit code
0 when the pattern held and its absence showed, 1 when the pattern broke or the fault had no effect, 2
when what had to happen did not.`

const roundsMax = 100
const seedMax = 2 ** 31
const readRounds = (text: string) => readNumber('--rounds', text, roundsMax)
const readSeed = (text: string) => readNumber('--seed', text, seedMax)

export const command = npmCommand('experiment', description)
  .addArgument(new Argument('[names...]', 'experiments').choices(proofs.map(({ name }) => name)))
  .option('--list', 'only name the experiments')
  .option('--all', 'run every experiment')
  .option(
    '--rounds <n>',
    'rounds of each arm; a matrix such as crash-matrix has one arm and one round',
    parsedBy(readRounds),
    5,
  )
  .option('--seed <n>', 'where the seeded generator starts', parsedBy(readSeed), 1)
  .option('--short', 'fewer intents, for CI and for a first look')
  .option(
    '--write',
    'keep the result in load-tests/results/<name>.json, over the one that is committed; refused with --short, or with fewer rounds than that one has',
  )
  .option('--json', 'the result as JSON on standard output')
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

type Options = {
  list?: boolean
  all?: boolean
  rounds: number
  seed: number
  short?: boolean
  write?: boolean
  json?: boolean
}

async function run(
  names: readonly string[],
  { list, all, rounds, seed, short = false, write = false, json }: Options,
): Promise<number> {
  if (list) {
    for (const { name, title } of proofs) console.log(`${name.padEnd(20)} ${title}`)
    return 0
  }
  const chosen = all ? proofs : proofs.filter(({ name }) => names.includes(name))
  if (chosen.length === 0) command.error('error: name an experiment, or --list or --all')
  const runs = await runProofs(chosen, { rounds, seed, short, write })
  const results = runs.map(({ result }) => result)
  if (json) for (const result of results) console.log(JSON.stringify(result, null, 2))
  else console.log(`\n${describeResults(runs)}`)
  return exitCodeOf(results)
}
