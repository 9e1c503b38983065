import { explainPromise } from '../auditor/promises.ts'
import type { PromiseCode, Verdict } from '../auditor/verdict.ts'
import { runConcurrently } from '../harness/run-concurrently.ts'
import type { TestParts } from '../harness/test-parts.ts'
import { spreadOf } from '../reporting/figures.ts'
import { resultHead } from '../reporting/result-head.ts'
import { type ExperimentSystem, judgeAtRest, openExperimentSystem } from './experiment-system.ts'
import { type JudgedCase, judgeCases } from './judge-cases.ts'
import { judgeMatrix, totalsOf } from './judge-matrix.ts'
import { casesOf, type Matrix, type MatrixCase, sampleOf } from './matrix.ts'
import { type CaseRun, runCase } from './run-case.ts'
import type { RunOptions } from './run-experiment.ts'

/**
 * A case mostly waits: for a lease to end, or for a consumer group to notice a death. Three systems
 * wait for three cases at once. On two cores, more systems would slow each other down.
 */
const systemsCount = 3
/** A client pauses 250 ms between attempts, so it keeps asking for longer than any lease lasts. */
const attemptsMax = 160
const quiesceMs = 90_000

/** One of the systems, with the cases that ran on it. */
type MatrixSystem = Readonly<{ opened: ExperimentSystem; runs: CaseRun[] }>

type JudgedSystem = Readonly<{
  cases: readonly JudgedCase[]
  elsewhere: Readonly<Record<string, number>>
  verdict: Verdict
}>

/**
 * Runs every case once. Repeating a case would add little: its neighbors differ from it in one thing.
 * @returns the content of a file of `load-tests/results`, which calls a matrix `grid` and a case a cell
 */
export async function runMatrix(matrix: Matrix, options: RunOptions) {
  const { short, seed, say, explain } = options
  const cases = short ? sampleOf(matrix) : casesOf(matrix)
  let done = 0
  const onRun = (run: CaseRun) => {
    done += 1
    say(`case ${done} of ${cases.length}, ${describeRun(run)}`)
  }
  const systems = await runCases(cases, options.parts, onRun)
  for (const line of systems.flatMap(explainSystem)) explain(line)
  const { name, title, area } = matrix
  const command = `npm run experiment -- ${name}${short ? ' --short' : ''}`
  const judged = cases.flatMap(({ row, column }) =>
    systems
      .flatMap(system => system.cases)
      .filter(one => one.row === row.name && one.column === column.name),
  )
  return {
    ...(await resultHead({ name, kind: 'grid', title, command, seed }, options)),
    area,
    hypothesis: matrix.hypothesis,
    shows: { figure: 'survived', of: 'cells', unit: 'deaths survived' },
    arms: { with: { switches: {}, ...spreadOf([totalsOf(judged, systems)]) } },
    grid: {
      rows: matrix.rows,
      columns: matrix.columns.map(column => column.name),
      cells: judged,
    },
    outcome: judgeMatrix(judged, systems),
  }
}

/** Each case runs on the system that is idle. At the end each system is audited once. */
async function runCases(
  cases: readonly MatrixCase[],
  parts: TestParts,
  onRun: (run: CaseRun) => void,
): Promise<JudgedSystem[]> {
  await using open = new AsyncDisposableStack()
  const run = ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'] as const
  const systems: MatrixSystem[] = []
  // One after the other, because Kafka does not create topics for two systems at once.
  while (systems.length < systemsCount) {
    const opened = open.use(await openExperimentSystem({ parts, run, attemptsMax }))
    systems.push({ opened, runs: [] })
  }
  const idle = [...systems]
  // The last rows wait longest. They start first, so that all systems finish at about the same time.
  const queue = cases.toReversed().values()
  await runConcurrently(cases.length, systems.length, async () => {
    const system = idle.pop()
    const { value: oneCase } = queue.next()
    if (!system || !oneCase)
      throw new Error('there are as many workers as systems, and calls as cases')
    const one = await runCase(system.opened, oneCase)
    system.runs.push(one)
    idle.push(system)
    onRun(one)
  })
  return await Promise.all(systems.map(judgeSystem))
}

async function judgeSystem({ opened, runs }: MatrixSystem): Promise<JudgedSystem> {
  const { evidence, verdict } = await judgeAtRest(opened, quiesceMs)
  return { ...judgeCases(runs, evidence, verdict.violations), verdict }
}

function describeRun({ oneCase, answer, attempts, death, recoveryMs, restMs }: CaseRun): string {
  const where = `${oneCase.row.name} / ${oneCase.column.name}`
  const end = `${answer} after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`
  if (death === undefined) return `${where}: no service died, ${end}`
  return `${where}: ${death}, ${end}, answered ${recoveryMs} ms and at rest ${restMs} ms after it`
}

function explainSystem({ cases, verdict, elsewhere }: JudgedSystem): string[] {
  const odd = cases.filter(({ outcome }) => outcome !== 'survived' && outcome !== 'impossible')
  return [
    ...odd.map(({ row, column, outcome }) => `${row} / ${column}: ${outcome}`),
    ...verdict.violations.map(({ promise, message }) => `${explainPromise(promise)}: ${message}`),
    ...Object.entries(elsewhere).map(
      ([code, count]) =>
        `broken ${count} times outside of any case: ${explainPromise(code as PromiseCode)}`,
    ),
    ...verdict.coverage.inconclusive.map(why => `inconclusive: ${why}`),
  ]
}
