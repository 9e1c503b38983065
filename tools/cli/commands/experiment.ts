/** Breaks the system with and without a pattern, and shows the difference. */
import { type Proof, proofs } from '@nightshift/load-tests/experiments/all'
import { exitCodeOf, runProofs } from '@nightshift/load-tests/runner/run-proofs'
import { readNumber } from '@nightshift/local/read-number'
import { runCommandLine } from '../terminal/command-line.ts'
import { describeResults } from '../terminal/describe-results.ts'

const help = `Usage: npm run experiment -- <name> | --list | --all [--rounds N] [--seed N]
                                 [--short] [--write] [--json]

Runs both arms of an experiment in turn, naive and with, each on fresh data, lets the auditor judge
them, and prints what came of it. Nothing is written unless --write says so. Exit code 0 when the pattern held and its absence
showed, 1 when the pattern broke or the fault was a dud, 2 when what had to happen did not.

  --rounds N   rounds of each arm (5); a grid such as crash-matrix has one arm and one round
  --seed N     where the dice start (1)
  --short      fewer intents, for CI and for a first look
  --write      keeps the result in load-tests/results/<name>.json, over the one that is committed;
               refused with --short, or with fewer rounds than that one has
  --json       the result as JSON on standard output`

const options = {
  list: { type: 'boolean' },
  all: { type: 'boolean' },
  rounds: { type: 'string', default: '5' },
  seed: { type: 'string', default: '1' },
  short: { type: 'boolean' },
  write: { type: 'boolean' },
  json: { type: 'boolean' },
} as const
const roundsMax = 100

type Values = Readonly<Record<string, string | boolean | undefined>>

if (import.meta.main) {
  await runCommandLine({ help, options, allowPositionals: true, run }, process.argv.slice(2))
}

async function run(values: Values, names: readonly string[]): Promise<number> {
  if (values['list']) {
    for (const { name, title } of proofs) console.log(`${name.padEnd(20)} ${title}`)
    return 0
  }
  const chosen = values['all'] ? proofs : names.map(find)
  if (chosen.length === 0) throw new Error(`Name an experiment, or --list or --all.\n\n${help}`)
  const results = await runProofs(chosen, {
    rounds: readNumber('--rounds', values['rounds'], roundsMax),
    seed: readNumber('--seed', values['seed'], 2 ** 31),
    short: values['short'] === true,
    write: values['write'] === true,
  })
  if (values['json']) for (const result of results) console.log(JSON.stringify(result, null, 2))
  else console.log(`\n${describeResults(results)}`)
  return exitCodeOf(results)
}

function find(name: string): Proof {
  const proof = proofs.find(one => one.name === name)
  if (proof) return proof
  const known = proofs.map(one => one.name).join(', ')
  throw new Error(`There is no experiment ${JSON.stringify(name)}. There are: ${known}.`)
}
