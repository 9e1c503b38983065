/** Runs every experiment and the crash matrix, and says which promises were proved. */
import { proofs } from '@nightshift/load-tests/experiments/all'
import { areas } from '@nightshift/load-tests/runner/experiment'
import { exitCodeOf, type ProofResult, runProofs } from '@nightshift/load-tests/runner/run-proofs'
import { readNumber } from '@nightshift/local/read-number'
import { runCommandLine } from '../terminal/command-line.ts'
import { describeResults } from '../terminal/describe-results.ts'

const help = `Usage: npm run prove [-- <area>] [--short] [--rounds N] [--seed N] [--write] [--json]

Runs all experiments, both arms of each, and the crash matrix, and prints what came of them. Nothing
is written unless --write says so. Exit code 0 when all was proved, 1 when a promise broke or a fault was a dud, 2 when what had to happen
did not.

  <area>       only what is about ${areas.join(' or ')}
  --short      one round of few intents, and a sample of the matrix: for CI
  --rounds N   rounds of each arm (5, and 1 with --short)
  --seed N     where the dice start (1)
  --write      keeps the results in load-tests/results, over those that are committed; refused with
               --short, or with fewer rounds than one of those has
  --json       the results as JSON on standard output, and no table`

const options = {
  short: { type: 'boolean' },
  rounds: { type: 'string' },
  seed: { type: 'string', default: '1' },
  write: { type: 'boolean' },
  json: { type: 'boolean' },
} as const
const roundsMax = 100

type Values = Readonly<Record<string, string | boolean | undefined>>

if (import.meta.main) {
  await runCommandLine({ help, options, allowPositionals: true, run }, process.argv.slice(2))
}

async function run(values: Values, names: readonly string[]): Promise<number> {
  const short = values['short'] === true
  const wanted = readAreas(names)
  const startedAt = Date.now()
  const results = await runProofs(
    proofs.filter(({ area }) => wanted.includes(area)),
    {
      rounds: readNumber('--rounds', values['rounds'] ?? (short ? '1' : '5'), roundsMax),
      seed: readNumber('--seed', values['seed'], 2 ** 31),
      short,
      write: values['write'] === true,
    },
  )
  const seconds = Math.round((Date.now() - startedAt) / 1000)
  console.log(values['json'] ? JSON.stringify(results, null, 2) : describe(results, seconds))
  return exitCodeOf(results)
}

function readAreas(names: readonly string[]): readonly string[] {
  const unknown = names.find(name => !(areas as readonly string[]).includes(name))
  if (unknown === undefined) return names.length === 0 ? areas : names
  throw new Error(
    `There is no area ${JSON.stringify(unknown)}. There are: ${areas.join(', ')}.\n\n${help}`,
  )
}

function describe(results: readonly ProofResult[], seconds: number): string {
  const proved = results.filter(({ outcome }) => outcome === 'proved').length
  return `\n${describeResults(results)}\n\n${proved} of ${results.length} proved in ${seconds} s.`
}
