import { explainPromise } from '../auditor/promises.ts'
import type { Verdict } from '../auditor/verdict.ts'
import { openTestInjector } from '../harness/test-injector.ts'
import type { TestParts } from '../harness/test-parts.ts'
import { spreadOf } from '../reporting/figures.ts'
import { resultHead } from '../reporting/result-head.ts'
import { judgeAtRest, openExperimentSystem } from './experiment-system.ts'
import {
  type JudgedCell,
  judgeFault,
  judgeResiliency,
  rowName,
  totalsOf,
} from './judge-resiliency.ts'
import { beforeAllFaults, observeJourneys } from './observe-journeys.ts'
import {
  type DependencyFault,
  faultsOf,
  journeys,
  type ResiliencyMatrix,
} from './resiliency-matrix.ts'
import type { RunOptions } from './run-experiment.ts'

/** A client pauses 250 ms between attempts, so it keeps asking for longer than any lease lasts. */
const attemptsMax = 160
const quiesceMs = 90_000

/**
 * Runs every fault once, one after the other on one system, so that no case waits for the processor
 * because of another one.
 * @returns the content of a file of `load-tests/results`, which calls a matrix `grid` and a case a cell
 */
export async function runResiliencyMatrix(matrix: ResiliencyMatrix, options: RunOptions) {
  const { short, seed, say, explain, parts } = options
  const faults = faultsOf(matrix).filter(({ state }) => !short || state === 'down')
  const { cells, verdict } = await runFaults(faults, parts, say)
  for (const line of explainOdd(cells, verdict)) explain(line)
  const { name, title, area } = matrix
  const command = `npm run experiment -- ${name}${short ? ' --short' : ''}`
  return {
    ...(await resultHead({ name, kind: 'grid', title, command, seed }, options)),
    area,
    hypothesis: matrix.hypothesis,
    shows: { figure: 'survived', of: 'cells', unit: 'cases as expected' },
    arms: { with: { switches: {}, ...spreadOf([totalsOf(cells, verdict)]) } },
    grid: {
      rows: faults.map(rowOf),
      columns: journeys,
      cells,
    },
    outcome: judgeResiliency(cells, verdict),
  }
}

async function runFaults(
  faults: readonly DependencyFault[],
  parts: TestParts,
  say: (line: string) => void,
): Promise<{ cells: JudgedCell[]; verdict: Verdict }> {
  const run = [
    'trace-sink',
    'card-provider',
    'mailbox',
    'payments',
    'listings',
    'notifications',
  ] as const
  await using opened = await openExperimentSystem({ parts, run, attemptsMax, links: true })
  const injector = openTestInjector(opened.system, parts)
  const paymentId = await beforeAllFaults(opened)
  const cells: JudgedCell[] = []
  for (const fault of faults) {
    const judged = judgeFault(fault, await observeJourneys(opened, injector, paymentId, fault))
    cells.push(...judged)
    say(`fault ${cells.length / journeys.length} of ${faults.length}, ${describe(fault, judged)}`)
  }
  const { verdict } = await judgeAtRest(opened, quiesceMs, { paysDirectly: true })
  return { cells, verdict }
}

function rowOf(fault: DependencyFault) {
  const { name: dependency, why } = fault.dependency
  return { name: rowName(fault), dependency, state: fault.state, why }
}

function describe(fault: DependencyFault, cells: readonly JudgedCell[]): string {
  const seen = cells.map(({ column, answer, waitMs, afterHealMs }) => {
    const after = afterHealMs === undefined ? '' : ` (ended ${afterHealMs} ms after the fault)`
    return `${column} ${answer} ${waitMs} ms${after}`
  })
  return `${rowName(fault)}: ${seen.join(', ')}`
}

function explainOdd(cells: readonly JudgedCell[], verdict: Verdict): string[] {
  const odd = cells.filter(({ outcome }) => outcome !== 'survived')
  return [
    ...odd.map(({ row, column, answer, expected, statuses = [] }) => {
      const told = statuses.length === 0 ? '' : ` (${statuses.join(', ')})`
      return `${row} / ${column}: ${answer}${told}, and not ${expected}`
    }),
    ...verdict.violations.map(({ promise, message }) => `${explainPromise(promise)}: ${message}`),
    ...verdict.coverage.inconclusive.map(why => `inconclusive: ${why}`),
  ]
}
