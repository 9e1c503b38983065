import type { Proof } from '../experiments/all.ts'
import { openThrowAwayParts } from '../harness/test-parts.ts'
import { assertMayWrite, keepResult } from '../reporting/keep-result.ts'
import { describeCommit } from '../reporting/result-head.ts'
import { noEffect, runExperiment } from './run-experiment.ts'
import { runMatrix } from './run-matrix.ts'

export type ProofOptions = Readonly<{
  rounds: number
  seed: number
  /** Fewer intents, and a sample of a matrix. */
  short: boolean
  /** Writes each result into the repository. */
  write: boolean
}>

export type ProofResult =
  | Awaited<ReturnType<typeof runExperiment>>
  | Awaited<ReturnType<typeof runMatrix>>

type Outcome = ProofResult['outcome']

const exitCodes: Readonly<Record<Outcome, number>> = {
  proved: 0,
  broken: 1,
  [noEffect]: 1,
  'not-exercised': 2,
}

/**
 * Runs one proof after the other on private parts. Each result is written as soon as there is one, so
 * that an interrupted run keeps what it has measured.
 * @throws before anything runs, when a committed result is larger than the one that would replace it
 */
export async function runProofs(
  proofs: readonly Proof[],
  { rounds, seed, short, write }: ProofOptions,
): Promise<ProofResult[]> {
  if (write) {
    for (const proof of proofs) {
      // A matrix always has one round.
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
      'rows' in proof ? await runMatrix(proof, options) : await runExperiment(proof, options)
    say(result.outcome === noEffect ? 'no effect' : result.outcome)
    say(await keepResult(result, { write }))
    results.push(result)
  }
  return results
}

/** 1 when a promise broke or a fault had no effect, otherwise 2 when something did not happen, otherwise 0. */
export function exitCodeOf(results: readonly Pick<ProofResult, 'outcome'>[]): number {
  const codes = results.map(({ outcome }) => exitCodes[outcome])
  return codes.includes(1) ? 1 : Math.max(0, ...codes)
}
