import type { Proof } from '@nightshift/load-tests/experiments/all'
import { runExperiment } from '@nightshift/load-tests/experiments/run-experiment'
import { runGrid } from '@nightshift/load-tests/experiments/run-grid'
import { openThrowAwayParts } from '../testing/test-parts.ts'
import { describeCommit } from './describe-commit.ts'
import { writeResult } from './write-result.ts'

export type ProofOptions = Readonly<{
  rounds: number
  seed: number
  /** Fewer intents, a sample of each grid, and nothing is written. */
  short: boolean
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

/** Runs one proof after the other on parts of their own, and writes each result as soon as it is there. */
export async function runProofs(
  proofs: readonly Proof[],
  { rounds, seed, short }: ProofOptions,
): Promise<ProofResult[]> {
  const commit = await describeCommit()
  await using open = await openThrowAwayParts()
  const results: ProofResult[] = []
  for (const proof of proofs) {
    const say = (line: string) => process.stderr.write(`${proof.name}: ${line}\n`)
    const options = { parts: open.parts, rounds, seed, short, say, ...commit }
    const result =
      'rows' in proof ? await runGrid(proof, options) : await runExperiment(proof, options)
    say(result.outcome)
    if (!short) await writeResult(result)
    results.push(result)
  }
  return results
}

/** 1 when anything broke or showed nothing, else 2 when what had to happen did not, else 0. */
export function exitCodeOf(results: readonly Pick<ProofResult, 'outcome'>[]): number {
  const codes = results.map(({ outcome }) => exitOf[outcome])
  return codes.includes(1) ? 1 : Math.max(0, ...codes)
}
