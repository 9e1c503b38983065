import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import type { Finding } from '../auditor/verdict.ts'
import { type CellAnswer, endOf } from './matrix.ts'
import type { CellRun } from './run-case.ts'

/**
 * `impossible`: known before not to be reached, and was not. `reached-after-all`: known wrongly.
 * `not-reached`: nobody died there, or the provider did nothing odd, so nothing was shown.
 */
export type CellOutcome = 'survived' | 'broken' | 'not-reached' | 'impossible' | 'reached-after-all'

export type JudgedCell = Readonly<{
  row: string
  column: string
  outcome: CellOutcome
  answer: CellAnswer
  attempts: number
  charges: number
  /** How often money was given back; only where that was asked for. */
  refunds?: number
  deaths: 0 | 1
  recoveryMs?: number
  restMs?: number
  /** Count by invariant. */
  violations: Readonly<Record<string, number>>
}>

type Judgement = Readonly<{
  cells: readonly JudgedCell[]
  /** Violations that name nothing of any cell: of what was asked before and after. */
  elsewhere: Readonly<Record<string, number>>
}>

/** Gives each finding of the auditor to the cell whose ids it names, and judges each cell. Pure. */
export function judgeCells(
  runs: readonly CellRun[],
  evidence: Evidence,
  findings: readonly Pick<Finding, 'invariant' | 'ids'>[],
): Judgement {
  const runOf = runsById(runs, evidence)
  const found = Map.groupBy(findings, ({ ids }) =>
    ids.map(id => runOf.get(id)).find(run => run !== undefined),
  )
  const movedOf = (...types: string[]) =>
    Map.groupBy(
      rowsOf(evidence.provider).filter(({ type }) => types.includes(type)),
      ({ publicationId = '' }) => runOf.get(publicationId),
    )
  const chargesOf = movedOf('intent.succeeded', 'intent.captured')
  const refundsOf = movedOf('refund.succeeded')
  const cells = runs.map((run): JudgedCell => {
    const { cell, answer, attempts, death, recoveryMs, restMs } = run
    const violations = countByInvariant(found.get(run) ?? [])
    const charges = chargesOf.get(run)?.length ?? 0
    const refunds = refundsOf.get(run)?.length ?? 0
    return {
      row: cell.row.name,
      column: cell.column.name,
      outcome: outcomeOf(run, { charges, refunds }, violations),
      answer,
      attempts,
      charges,
      ...(cell.row.during === 'refund' ? { refunds } : {}),
      deaths: death === undefined ? 0 : 1,
      ...(recoveryMs === undefined ? {} : { recoveryMs }),
      ...(restMs === undefined ? {} : { restMs }),
      violations,
    }
  })
  return { cells, elsewhere: countByInvariant(found.get(undefined) ?? []) }
}

const ownDeath = /\bSIGKILL\b/

function outcomeOf(
  run: CellRun,
  moved: { charges: number; refunds: number },
  violations: object,
): CellOutcome {
  const { cell, answer, death, isAtRest, isFaultSeen } = run
  const end = endOf(cell)
  const isMovedRight = moved.charges === end.charges && moved.refunds === end.refunds
  const isAsItShouldBe = isAtRest && answer === end.answer && isMovedRight
  if (Object.keys(violations).length > 0 || !isAsItShouldBe) return 'broken'
  // Any other end is a crash that nobody ordered.
  if (death !== undefined && !ownDeath.test(death)) return 'broken'
  if (!cell.isPossible) return death === undefined ? 'impossible' : 'reached-after-all'
  return death === undefined || !isFaultSeen ? 'not-reached' : 'survived'
}

/** Everything that belongs to a cell: its listing and its keys, and what came of them. */
function runsById(runs: readonly CellRun[], evidence: Evidence): ReadonlyMap<string, CellRun> {
  const runOf = new Map(
    runs.flatMap(run => [run.listingId, ...run.keys].map(id => [id, run] as const)),
  )
  const follow = (listingId: string, ...ids: (string | null)[]) => {
    const run = runOf.get(listingId)
    if (run === undefined) return
    for (const id of ids) if (id !== null) runOf.set(id, run)
  }
  for (const row of rowsOf(evidence.publications)) {
    follow(row.listingId, row.publicationId, row.paymentId)
  }
  for (const row of rowsOf(evidence.payments)) follow(row.listingId, row.paymentId)
  for (const row of rowsOf(evidence.refunds)) follow(row.paymentId, row.refundId)
  for (const { event } of rowsOf(evidence.records)) {
    if (event) follow(event.listingId, event.eventId, event.paymentId, event.publicationId)
  }
  for (const row of rowsOf(evidence.deliveries)) follow(row.listingId, row.deliveryId)
  // Last: what they tell of may be a payment, which is known only now.
  for (const row of [...rowsOf(evidence.paymentOutbox), ...rowsOf(evidence.listingOutbox)]) {
    follow(row.aggregateId, row.eventId)
  }
  return runOf
}

function countByInvariant(
  findings: readonly Pick<Finding, 'invariant'>[],
): Readonly<Record<string, number>> {
  const groups = Map.groupBy(findings, ({ invariant }) => invariant)
  return Object.fromEntries([...groups].map(([invariant, { length }]) => [invariant, length]))
}
