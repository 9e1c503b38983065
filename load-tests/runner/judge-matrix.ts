import type { Verdict } from '../auditor/verdict.ts'
import { type Figures, median } from '../reporting/figures.ts'
import type { CaseOutcome, JudgedCase } from './judge-cases.ts'

type JudgedSystem = Readonly<{
  elsewhere: Readonly<Record<string, number>>
  verdict: Pick<Verdict, 'valid' | 'counts'>
}>

/** `proved` needs every possible case to be reached and survived, and a valid verdict on every system. */
export function judgeMatrix(
  cases: readonly JudgedCase[],
  systems: readonly JudgedSystem[],
): 'proved' | 'broken' | 'not-exercised' {
  const has = (outcome: CaseOutcome) => cases.some(one => one.outcome === outcome)
  if (has('broken') || systems.some(({ verdict }) => verdict.valid === false)) return 'broken'
  if (has('not-reached') || has('reached-after-all')) return 'not-exercised'
  if (!has('survived') || systems.some(({ verdict }) => verdict.valid !== true)) {
    return 'not-exercised'
  }
  return 'proved'
}

/** The figures of a matrix. Result files call a case that is possible one of the `cells`. */
export function totalsOf(cases: readonly JudgedCase[], systems: readonly JudgedSystem[]): Figures {
  const count = (outcome: CaseOutcome) => cases.filter(one => one.outcome === outcome).length
  const impossible = count('impossible')
  const waits = cases.map(one => one.recoveryMs ?? 0).filter(ms => ms > 0)
  const rests = cases.flatMap(one => one.restMs ?? [])
  const violations = systems.flatMap(({ verdict }) => Object.values(verdict.counts.violations))
  return {
    cells: cases.length - impossible,
    survived: count('survived'),
    broken: count('broken'),
    notReached: count('not-reached'),
    reachedAfterAll: count('reached-after-all'),
    impossible,
    deaths: cases.filter(({ deaths }) => deaths > 0).length,
    charges: cases.reduce((sum, { charges }) => sum + charges, 0),
    violations: violations.reduce((sum, n) => sum + n, 0),
    /** Clients that had no final answer when the process died. */
    waiting: waits.length,
    medianRecoveryMs: waits.length === 0 ? 0 : median(waits),
    maxRecoveryMs: Math.max(0, ...waits),
    medianRestMs: rests.length === 0 ? 0 : median(rests),
    maxRestMs: Math.max(0, ...rests),
  }
}
