import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import type { Finding } from '../auditor/verdict.ts'
import { expectedEnd, type FinalAnswer } from './matrix.ts'
import type { CaseRun } from './run-case.ts'

/**
 * `impossible`: the crash point cannot be reached, and was not. `reached-after-all`: it was reached
 * although it cannot be. `not-reached`: no service died there, or the provider showed no fault, so the
 * case proves nothing.
 */
export type CaseOutcome = 'survived' | 'broken' | 'not-reached' | 'impossible' | 'reached-after-all'

/** One case as it stands in a result file, where it is one of the `cells`. */
export type JudgedCase = Readonly<{
  row: string
  column: string
  outcome: CaseOutcome
  answer: FinalAnswer
  attempts: number
  charges: number
  /** How many refunds the provider made. Unset where none was asked for. */
  refunds?: number
  deaths: 0 | 1
  recoveryMs?: number
  restMs?: number
  /** The number of violations by promise. */
  violations: Readonly<Record<string, number>>
}>

type Judgement = Readonly<{
  cases: readonly JudgedCase[]
  /** Violations that name no id of any case: they belong to requests before or after the cases. */
  elsewhere: Readonly<Record<string, number>>
}>

/** Assigns each finding to the case whose ids it names, and judges each case. The function is pure. */
export function judgeCases(
  runs: readonly CaseRun[],
  evidence: Evidence,
  findings: readonly Pick<Finding, 'promise' | 'ids'>[],
): Judgement {
  const runOf = runsById(runs, evidence)
  const findingsOf = Map.groupBy(findings, ({ ids }) =>
    ids.map(id => runOf.get(id)).find(run => run !== undefined),
  )
  const linesByRun = (...types: string[]) =>
    Map.groupBy(
      rowsOf(evidence.provider).filter(({ type }) => types.includes(type)),
      ({ publicationId = '' }) => runOf.get(publicationId),
    )
  const chargesOf = linesByRun('intent.succeeded', 'intent.captured')
  const refundsOf = linesByRun('refund.succeeded')
  const cases = runs.map((run): JudgedCase => {
    const { oneCase, answer, attempts, death, recoveryMs, restMs } = run
    const violations = countByPromise(findingsOf.get(run) ?? [])
    const charges = chargesOf.get(run)?.length ?? 0
    const refunds = refundsOf.get(run)?.length ?? 0
    return {
      row: oneCase.row.name,
      column: oneCase.column.name,
      outcome: outcomeOf(run, { charges, refunds }, violations),
      answer,
      attempts,
      charges,
      ...(oneCase.row.during === 'refund' ? { refunds } : {}),
      deaths: death === undefined ? 0 : 1,
      ...(recoveryMs === undefined ? {} : { recoveryMs }),
      ...(restMs === undefined ? {} : { restMs }),
      violations,
    }
  })
  return { cases, elsewhere: countByPromise(findingsOf.get(undefined) ?? []) }
}

/** A crash point kills its own process with this signal. */
const deathByCrashPoint = /\bSIGKILL\b/

function outcomeOf(
  run: CaseRun,
  moved: { charges: number; refunds: number },
  violations: object,
): CaseOutcome {
  const { oneCase, answer, death, isAtRest, isFaultSeen } = run
  const end = expectedEnd(oneCase)
  const isMoneyRight = moved.charges === end.charges && moved.refunds === end.refunds
  const isAsExpected = isAtRest && answer === end.answer && isMoneyRight
  if (Object.keys(violations).length > 0 || !isAsExpected) return 'broken'
  // Any other death is a real crash.
  if (death !== undefined && !deathByCrashPoint.test(death)) return 'broken'
  if (!oneCase.isPossible) return death === undefined ? 'impossible' : 'reached-after-all'
  return death === undefined || !isFaultSeen ? 'not-reached' : 'survived'
}

/** Maps every id that belongs to a case to its run: listing, keys, and everything made from them. */
function runsById(runs: readonly CaseRun[], evidence: Evidence): ReadonlyMap<string, CaseRun> {
  const runOf = new Map(
    runs.flatMap(run => [run.listingId, ...run.keys].map(id => [id, run] as const)),
  )
  const follow = (knownId: string, ...ids: (string | null)[]) => {
    const run = runOf.get(knownId)
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
  // The outboxes come last: their aggregate may be a payment, which is known only now.
  for (const row of [...rowsOf(evidence.paymentOutbox), ...rowsOf(evidence.listingOutbox)]) {
    follow(row.aggregateId, row.eventId)
  }
  return runOf
}

function countByPromise(
  findings: readonly Pick<Finding, 'promise'>[],
): Readonly<Record<string, number>> {
  const groups = Map.groupBy(findings, ({ promise }) => promise)
  return Object.fromEntries([...groups].map(([promise, { length }]) => [promise, length]))
}
