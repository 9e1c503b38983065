/** Runs every experiment and both matrices, and says which promises were proved. */
import { needTime, proofs } from '@nightshift/load-tests/experiments/all'
import { areas } from '@nightshift/load-tests/runner/experiment'
import { exitCodeOf, type ProofRun, runProofs } from '@nightshift/load-tests/runner/run-proofs'
import { readNumber } from '@nightshift/local/read-number'
import { Argument } from 'commander'
import { describeResults } from '../terminal/describe-results.ts'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'

const description = `Runs all experiments, both arms of each, and both matrices, and prints the
outcomes. Nothing is written unless --write says so. Exit code 0 when all was proved, 1 when a promise
broke or a fault had no effect, 2 when what had to happen did not.`

const roundsMax = 100
const seedMax = 2 ** 31
const readRounds = (text: string) => readNumber('--rounds', text, roundsMax)
const readSeed = (text: string) => readNumber('--seed', text, seedMax)

export const command = npmCommand('prove', description)
  .addArgument(new Argument('[areas...]', 'only what is about them').choices(areas))
  .option(
    '--short',
    'one round of few intents, and a sample of each matrix, not what needs minutes: for CI',
  )
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
  const ofAreas = proofs.filter(({ area }) => names.length === 0 || names.includes(area))
  const left = short ? ofAreas.filter(proof => needTime.includes(proof)) : []
  for (const { name } of left) {
    process.stderr.write(`${name}: not with --short, it needs more time\n`)
  }
  const chosen = ofAreas.filter(proof => !left.includes(proof))
  const runs = await runProofs(chosen, { rounds, seed, short, write })
  const results = runs.map(({ result }) => result)
  const seconds = Math.round((Date.now() - startedAt) / 1000)
  console.log(json ? JSON.stringify(results, null, 2) : describe(runs, seconds))
  return exitCodeOf(results)
}

function describe(runs: readonly ProofRun[], seconds: number): string {
  const proved = runs.filter(({ result }) => result.outcome === 'proved').length
  return `\n${describeResults(runs)}\n\n${proved} of ${runs.length} proved in ${seconds} s.`
}
