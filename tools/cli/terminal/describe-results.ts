import { brokenPromises } from '@nightshift/load-tests/reporting/broken-promises'
import type { ProofRun } from '@nightshift/load-tests/runner/run-proofs'
import { describeArm } from '../../docs/results-table.ts'
import { renderTable } from './table.ts'

/** Describes the outcome of proofs: a table, the promises that the patterns keep, and why a proof failed. */
export function describeResults(runs: readonly ProofRun[]): string {
  const results = runs.map(({ result }) => result)
  const table = renderTable(
    results.map(result => ({
      experiment: result.name,
      outcome: result.outcome,
      naive: describeArm(result, 'naive'),
      with: describeArm(result, 'with'),
    })),
  )
  const promises = [...brokenPromises(results)].map(
    ([promise, names]) => `  ${promise.padEnd(4)} ${names.join(', ')}`,
  )
  const kept = ['Broken without the pattern, and kept with it:', ...promises]
  const failed = runs.filter(({ result }) => result.outcome !== 'proved').flatMap(describeFailure)
  return [
    table,
    ...(promises.length === 0 ? [] : [kept.join('\n')]),
    ...(failed.length === 0 ? [] : [['Not proved:', ...failed].join('\n')]),
  ].join('\n\n')
}

function describeFailure({ result, explanations }: ProofRun): string[] {
  return [
    `  ${result.name}: ${result.outcome}. Run it alone: ${result.command}`,
    ...explanations.map(line => `    ${line}`),
  ]
}
