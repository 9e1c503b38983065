import type { Proof } from '../experiments/all.ts'
import { openThrowAwayParts } from '../harness/test-parts.ts'
import { describeCommit } from '../reporting/describe-commit.ts'
import { assertMayWrite, keepResult } from '../reporting/keep-result.ts'
import { runExperiment } from './run-experiment.ts'
import { runGrid } from './run-matrix.ts'

export type ProofOptions = Readonly<{
  rounds: number
  seed: number
  /** Fewer intents, and a sample of each grid. */
  short: boolean
  /** Keeps each result in the repository. */
  write: boolean
}>

export type ProofResult =
  | Awaited<ReturnType<typeof runExperiment>>
  | Awaited<ReturnType<typeof runGrid>>

type Outcome = ProofResult['outcome']

const exitOf: Readonly<Record<Outcome, number>> = {
  proved: 0,
  broken: 1,
  dud: 1,
  'not-exercised': 2,
}

/**
 * Runs one proof after the other on parts of their own. A result that is to be written is written as
 * soon as it is there, so that an interrupted night keeps what it has.
 * @throws before anything runs, when a result that is there is larger than what would replace it
 */
export async function runProofs(
  proofs: readonly Proof[],
  { rounds, seed, short, write }: ProofOptions,
): Promise<ProofResult[]> {
  if (write) {
    for (const proof of proofs) {
      // A grid has one round, whatever is asked for.
      const size = { rounds: 'rows' in proof ? 1 : rounds, short }
      await assertMayWrite(proof.name, size)
    }
  }
  const commit = await describeCommit()
  await using open = await openThrowAwayParts()
  const results: ProofResult[] = []
  for (const proof of proofs) {
    const say = (line: string) => process.stderr.write(`${proof.name}: ${line}\n`)
    const options = { parts: open.parts, rounds, seed, short, say, ...commit }
    const result =
      'rows' in proof ? await runGrid(proof, options) : await runExperiment(proof, options)
    say(result.outcome)
    say(await keepResult(result, { write }))
    results.push(result)
  }
  return results
}

/** 1 when anything broke or showed nothing, else 2 when what had to happen did not, else 0. */
export function exitCodeOf(results: readonly Pick<ProofResult, 'outcome'>[]): number {
  const codes = results.map(({ outcome }) => exitOf[outcome])
  return codes.includes(1) ? 1 : Math.max(0, ...codes)
}
