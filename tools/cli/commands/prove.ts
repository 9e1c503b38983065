/** Runs every experiment and the crash matrix, and says which promises were proved. */
import { proofs } from '@nightshift/load-tests/experiments/all'
import { areas } from '@nightshift/load-tests/runner/experiment'
import { exitCodeOf, type ProofResult, runProofs } from '@nightshift/load-tests/runner/run-proofs'
import { readNumber } from '@nightshift/local/read-number'
import { Argument } from 'commander'
import { describeResults } from '../terminal/describe-results.ts'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'

const description = `Runs all experiments, both arms of each, and the crash matrix, and prints the
outcomes. Nothing is written unless --write says so. Exit code 0 when all was proved, 1 when a promise
broke or a fault had no effect, 2 when what had to happen did not.`

const roundsMax = 100
const seedMax = 2 ** 31
const readRounds = (text: string) => readNumber('--rounds', text, roundsMax)
const readSeed = (text: string) => readNumber('--seed', text, seedMax)

export const command = npmCommand('prove', description)
  .addArgument(new Argument('[areas...]', 'only what is about them').choices(areas))
  .option('--short', 'one round of few intents, and a sample of the matrix: for CI')
  .option('--rounds <n>', 'rounds of each arm (5, and 1 with --short)', parsedBy(readRounds))
  .option('--seed <n>', 'where the seeded generator starts', parsedBy(readSeed), 1)
  .option(
    '--write',
    'keep the results in load-tests/results, over those that are committed; refused with --short, or with fewer rounds than one of those has',
  )
  .option('--json', 'the results as JSON on standard output, and no table')
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

type Options = { short?: boolean; rounds?: number; seed: number; write?: boolean; json?: boolean }

async function run(
  names: readonly string[],
  { short = false, rounds = short ? 1 : 5, seed, write = false, json }: Options,
): Promise<number> {
  const startedAt = Date.now()
  const chosen = proofs.filter(({ area }) => names.length === 0 || names.includes(area))
  const results = await runProofs(chosen, { rounds, seed, short, write })
  const seconds = Math.round((Date.now() - startedAt) / 1000)
  console.log(json ? JSON.stringify(results, null, 2) : describe(results, seconds))
  return exitCodeOf(results)
}

function describe(results: readonly ProofResult[], seconds: number): string {
  const proved = results.filter(({ outcome }) => outcome === 'proved').length
  return `\n${describeResults(results)}\n\n${proved} of ${results.length} proved in ${seconds} s.`
}
