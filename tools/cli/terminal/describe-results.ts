import { brokenPromises } from '@nightshift/load-tests/reporting/broken-promises'
import type { ProofResult } from '@nightshift/load-tests/runner/run-proofs'
import { describeArm } from '../../docs/results-table.ts'
import { renderTable } from './table.ts'

/** Describes the outcome of proofs: a table, and the promises that the patterns keep. */
export function describeResults(results: readonly ProofResult[]): string {
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
  const broken = ['Broken without the pattern, and kept with it:', ...promises].join('\n')
  return promises.length === 0 ? table : `${table}\n\n${broken}`
}
