import type { Proof } from '../experiments/all.ts'
import { openThrowAwayParts } from '../harness/test-parts.ts'
import { assertMayWrite, keepResult } from '../reporting/keep-result.ts'
import { describeCommit } from '../reporting/result-head.ts'
import { runAlerts } from './run-alerts.ts'
import { noEffect, type RunOptions, runExperiment } from './run-experiment.ts'
import { runMatrix } from './run-matrix.ts'
import { runRecovery } from './run-recovery.ts'
import { runResiliencyMatrix } from './run-resiliency-matrix.ts'

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
  | Awaited<ReturnType<typeof runResiliencyMatrix>>
  | Awaited<ReturnType<typeof runRecovery>>
  | Awaited<ReturnType<typeof runAlerts>>

type Outcome = ProofResult['outcome']

/** One proof that was run. `explanations` says what was odd about it, if anything was. */
export type ProofRun = Readonly<{ result: ProofResult; explanations: readonly string[] }>

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
): Promise<ProofRun[]> {
  if (write) {
    for (const proof of proofs) {
      // A matrix always has one round.
      const size = { rounds: 'arms' in proof ? rounds : 1, short }
      await assertMayWrite(proof.name, size)
    }
  }
  const commit = await describeCommit()
  await using open = await openThrowAwayParts()
  const runs: ProofRun[] = []
  for (const proof of proofs) {
    const say = (line: string) => process.stderr.write(`${proof.name}: ${line}\n`)
    const explanations: string[] = []
    const explain = (line: string) => {
      explanations.push(line)
      say(`  ${line}`)
    }
    const options = { parts: open.parts, rounds, seed, short, say, explain, ...commit }
    const result = await runUntilSeen(proof, options)
    say(result.outcome === noEffect ? 'no effect' : result.outcome)
    say(await keepResult(result, { write }))
    runs.push({ result, explanations })
  }
  return runs
}

/**
 * A short round may miss the moment that its fault is about, above all on a busy machine. Then another
 * seed decides, once. A promise that broke is never tried again.
 */
async function runUntilSeen(proof: Proof, options: RunOptions): Promise<ProofResult> {
  const result = await runProof(proof, options)
  if (!options.short || !(result.outcome === noEffect || result.outcome === 'not-exercised')) {
    return result
  }
  options.say(`the short round showed nothing (${result.outcome}), so another seed decides`)
  return runProof(proof, { ...options, seed: options.seed + 1 })
}

function runProof(proof: Proof, options: RunOptions): Promise<ProofResult> {
  if ('ratedPerSecond' in proof) return runAlerts(proof, options)
  if ('dependencies' in proof) return runResiliencyMatrix(proof, options)
  if ('rows' in proof) return runMatrix(proof, options)
  return 'callersPerSecond' in proof ? runRecovery(proof, options) : runExperiment(proof, options)
}

/** 1 when a promise broke or a fault had no effect, otherwise 2 when something did not happen, otherwise 0. */
export function exitCodeOf(results: readonly Pick<ProofResult, 'outcome'>[]): number {
  const codes = results.map(({ outcome }) => exitCodes[outcome])
  return codes.includes(1) ? 1 : Math.max(0, ...codes)
}
