import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { audit } from '../auditor/audit.ts'
import { collect } from '../auditor/collect.ts'
import { waitForQuiescence } from '../auditor/quiescence.ts'
import type { Verdict } from '../auditor/verdict.ts'
import { askInCalm } from '../harness/ask-after-recovery.ts'
import { openClient } from '../harness/client.ts'
import { openFaultLog } from '../harness/note-fault.ts'
import { saveAlert } from '../harness/save-alert.ts'
import { sourcesOf } from '../harness/sources.ts'
import type { TestParts } from '../harness/test-parts.ts'
import { openTestSystem } from '../harness/test-system.ts'
import { resultHead } from '../reporting/result-head.ts'
import { spreadOf } from '../reporting/spread.ts'
import { type JudgedCell, judgeCells } from './judge-cases.ts'
import { judgeGrid, totalsOf } from './judge-matrix.ts'
import { type Cell, cellsOf, type Grid, sampleOf } from './matrix.ts'
import { type CellLab, type CellRun, runCell } from './run-case.ts'
import type { RunOptions } from './run-experiment.ts'

/**
 * A cell is mostly waiting: for a lease, for a consumer group to notice a death. Three systems side
 * by side wait for three cells at once; on two cores more would only make each other late.
 */
const lanes = 3
/** At a quarter of a second, and whatever the answers take: longer than any lease. */
const attemptsMax = 160
const quiesceMs = 90_000

export type Lane = Readonly<{
  cells: readonly JudgedCell[]
  elsewhere: Readonly<Record<string, number>>
  verdict: Verdict
}>

/**
 * Makes the file of `load-tests/results` of a grid. Cells are dealt out to the lanes as they come
 * free, one after the other in each; each lane has a system of its own, and one audit at the end.
 * One round: what repeats a cell is its neighbours, which differ in one thing each.
 */
export async function runGrid(grid: Grid, options: RunOptions) {
  const { short, seed, say } = options
  const cells = short ? sampleOf(grid) : cellsOf(grid)
  // The last rows wait longest, so they begin: nobody is left alone with them at the end.
  const queue = cells.toReversed().values()
  let done = 0
  const told = (run: CellRun) => {
    done += 1
    say(`cell ${done} of ${cells.length}, ${describeRun(run)}`)
  }
  const ran = await runLanes(queue, options.parts, told)
  for (const line of ran.flatMap(doubtsOf)) say(`  ${line}`)
  const { name, title, area } = grid
  const command = `npm run experiment -- ${name}${short ? ' --short' : ''}`
  const inOrder = cells.flatMap(({ row, column }) =>
    ran
      .flatMap(lane => lane.cells)
      .filter(cell => cell.row === row.name && cell.column === column.name),
  )
  return {
    ...(await resultHead({ name, kind: 'grid', title, command, seed }, options)),
    area,
    hypothesis: grid.hypothesis,
    shows: { figure: 'survived', of: 'cells', unit: 'deaths survived' },
    arms: { with: { switches: {}, ...spreadOf([totalsOf(inOrder, ran)]) } },
    grid: {
      rows: grid.rows,
      columns: grid.columns.map(column => column.name),
      cells: inOrder,
    },
    outcome: judgeGrid(inOrder, ran),
  }
}

/** Systems are opened one after the other: Kafka does not make topics for two at once. */
async function runLanes(
  queue: Iterable<Cell>,
  parts: TestParts,
  told: (run: CellRun) => void,
): Promise<Lane[]> {
  const running: Promise<PromiseSettledResult<Lane>[]>[] = []
  await using open = new AsyncDisposableStack()
  for (let lane = 1; lane <= lanes; lane += 1) {
    const lab = await openLab(parts, open)
    // Settled at once, because a lane may fail while the next is still being opened.
    running.push(Promise.allSettled([runLane(lab, queue, told)]))
  }
  return (await Promise.all(running)).flat().map(ended => {
    if (ended.status === 'rejected') throw ended.reason
    return ended.value
  })
}

async function openLab(parts: TestParts, open: AsyncDisposableStack): Promise<CellLab> {
  const dir = await mkdtemp(join(tmpdir(), 'nightshift-grid-'))
  open.defer(() => rm(dir, { recursive: true, force: true }))
  const run = ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'] as const
  const system = open.use(await openTestSystem({ parts, run }))
  await saveAlert(system)
  return {
    system,
    noteFault: openFaultLog(join(dir, 'faults.jsonl')),
    client: openClient(system, join(dir, 'history.jsonl'), attemptsMax),
    sources: sourcesOf(system, parts, dir),
  }
}

/** Cells one after the other on one system; then rest, evidence, one judgement over all. */
async function runLane(
  lab: CellLab,
  queue: Iterable<Cell>,
  told: (run: CellRun) => void,
): Promise<Lane> {
  const { client, sources } = lab
  try {
    const runs: CellRun[] = []
    for (const cell of queue) {
      const one = await runCell(lab, cell)
      runs.push(one)
      told(one)
    }
    await askInCalm(client)
    const quiescence = await waitForQuiescence(sources, quiesceMs)
    const evidence = await collect(sources, { quiescence })
    const verdict = audit(evidence)
    return { ...judgeCells(runs, evidence, verdict.violations), verdict }
  } catch (error) {
    for (const _ of queue); // nothing is left for the other lanes: this run is over
    throw error
  }
}

function describeRun({ cell, answer, attempts, death, recoveryMs, restMs }: CellRun): string {
  const where = `${cell.row.name} / ${cell.column.name}`
  const told = `${answer} after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`
  if (death === undefined) return `${where}: nobody died, ${told}`
  return `${where}: ${death}, ${told}, answer ${recoveryMs} ms and rest ${restMs} ms after it`
}

function doubtsOf({ cells, verdict, elsewhere }: Lane): string[] {
  const odd = cells.filter(({ outcome }) => outcome !== 'survived' && outcome !== 'impossible')
  return [
    ...odd.map(({ row, column, outcome }) => `${row} / ${column}: ${outcome}`),
    ...verdict.violations.map(({ invariant, message }) => `${invariant}: ${message}`),
    ...Object.entries(elsewhere).map(([name, n]) => `outside of any cell: ${name} x ${n}`),
    ...verdict.coverage.unknown.map(why => `unknown: ${why}`),
  ]
}
