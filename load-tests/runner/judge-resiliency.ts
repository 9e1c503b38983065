import type { Verdict } from '../auditor/verdict.ts'
import { patienceMs } from '../harness/recording-client.ts'
import type { Figures } from '../reporting/figures.ts'
import type { Observed, Try } from './observe-journeys.ts'
import {
  answersBestFirst,
  type DependencyFault,
  expectedAnswer,
  type FaultState,
  type Journey,
  journeys,
  type SeenAnswer,
} from './resiliency-matrix.ts'

/** One case as it stands in a result file, where it is one of the `cells`. */
export type JudgedCell = Readonly<{
  row: string
  column: Journey
  expected: SeenAnswer
  /** `better`: the fault did not show, so the case proves nothing. */
  outcome: 'survived' | 'better' | 'broken'
  /** The worst of its tries. */
  answer: SeenAnswer
  /** The longest wait of a user in these tries. */
  waitMs: number
  /** From the end of the fault to the end of the last journey that it held up. */
  afterHealMs?: number
  /** The statuses of the first answers, in order; 0 for none. */
  statuses?: readonly number[]
}>

/** More than any journey takes without a fault, and less than one way over a slow link. */
const quickMs = 1_500

/**
 * A dependency that is down refuses at once, so a user can be told soon: after the two repetitions
 * that outlast a restart. One that is slow has to be waited for, as long as the user is patient.
 */
const refusedMaxMs: Readonly<Record<FaultState, number>> = { down: 2_000, slow: patienceMs }

export function rowName({ dependency, state }: DependencyFault): string {
  return `${dependency.name} ${state}`
}

/** Compares what was seen during one fault with what was expected. The function is pure. */
export function judgeFault(fault: DependencyFault, observed: Observed): JudgedCell[] {
  return journeys.map((column): JudgedCell => {
    const tries = observed[column]
    const ranks = tries.map(one => answersBestFirst.indexOf(answerOf(one, fault.state)))
    const answer = answersBestFirst[Math.max(...ranks)] ?? 'broken'
    const expected = expectedAnswer(fault, column)
    const late = tries.flatMap(({ afterHealMs }) => afterHealMs ?? [])
    const statuses = tries.flatMap(({ status }) => status ?? [])
    return {
      row: rowName(fault),
      column,
      expected,
      outcome: compare(answer, expected),
      answer,
      waitMs: Math.max(...tries.map(({ waitMs }) => waitMs)),
      ...(late.length > 0 ? { afterHealMs: Math.max(...late) } : {}),
      ...(statuses.length > 0 ? { statuses } : {}),
    }
  })
}

function compare(answer: SeenAnswer, expected: SeenAnswer): JudgedCell['outcome'] {
  if (answer === expected) return 'survived'
  const isBetter = answersBestFirst.indexOf(answer) < answersBestFirst.indexOf(expected)
  return isBetter ? 'better' : 'broken'
}

/** What one user saw. Everything but an answer in time, or an honest refusal in time, is broken. */
export function answerOf(one: Try, state: FaultState): SeenAnswer {
  const { status, waitMs, hasRetryAfter = false, hasEnded, afterHealMs } = one
  if (!hasEnded) return 'broken'
  if (status === undefined) {
    if (afterHealMs !== undefined) return 'later'
    return waitMs <= quickMs ? 'works' : 'slower'
  }
  if (waitMs > patienceMs) return 'broken'
  if (status === 202) return 'queued'
  if (status === 200 || status === 201) return waitMs <= quickMs ? 'works' : 'slower'
  const isRefused = status === 503 && hasRetryAfter && waitMs <= refusedMaxMs[state]
  return isRefused ? 'refused' : 'broken'
}

/** `proved` needs every case to be as expected, and a valid verdict on the system at rest. */
export function judgeResiliency(
  cells: readonly JudgedCell[],
  { valid }: Pick<Verdict, 'valid'>,
): 'proved' | 'broken' | 'not-exercised' {
  if (valid === false || cells.some(({ outcome }) => outcome === 'broken')) return 'broken'
  const isExercised = cells.length > 0 && cells.every(({ outcome }) => outcome === 'survived')
  return isExercised && valid === true ? 'proved' : 'not-exercised'
}

export function totalsOf(
  cells: readonly JudgedCell[],
  { counts }: Pick<Verdict, 'counts'>,
): Figures {
  const count = (outcome: JudgedCell['outcome']) =>
    cells.filter(one => one.outcome === outcome).length
  const waitsOf = (answer: SeenAnswer) =>
    cells.filter(one => one.answer === answer).map(({ waitMs }) => waitMs)
  return {
    cells: cells.length,
    survived: count('survived'),
    better: count('better'),
    broken: count('broken'),
    violations: Object.values(counts.violations).reduce((sum, n) => sum + n, 0),
    maxRefusedMs: Math.max(0, ...waitsOf('refused')),
    maxAfterHealMs: Math.max(0, ...cells.map(({ afterHealMs = 0 }) => afterHealMs)),
  }
}
