import type { Verdict } from '../auditor/verdict.ts'
import { median } from '../reporting/measure.ts'
import type { Figures } from '../reporting/spread.ts'
import type { CellOutcome, JudgedCell } from './judge-cases.ts'

type Judged = Readonly<{
  elsewhere: Readonly<Record<string, number>>
  verdict: Pick<Verdict, 'valid' | 'counts'>
}>

/** `proved` needs every possible cell reached and survived, and every witness heard. */
export function judgeGrid(
  cells: readonly JudgedCell[],
  lanes: readonly Judged[],
): 'proved' | 'broken' | 'not-exercised' {
  const some = (outcome: CellOutcome) => cells.some(cell => cell.outcome === outcome)
  if (some('broken') || lanes.some(({ verdict }) => verdict.valid === false)) return 'broken'
  if (some('not-reached') || some('reached-after-all')) return 'not-exercised'
  if (!some('survived') || lanes.some(({ verdict }) => verdict.valid !== true)) {
    return 'not-exercised'
  }
  return 'proved'
}

/** The figures of one round of a grid. */
export function totalsOf(cells: readonly JudgedCell[], lanes: readonly Judged[]): Figures {
  const count = (outcome: CellOutcome) => cells.filter(cell => cell.outcome === outcome).length
  const impossible = count('impossible')
  const waited = cells.map(cell => cell.recoveryMs ?? 0).filter(ms => ms > 0)
  const rested = cells.flatMap(cell => cell.restMs ?? [])
  const violations = lanes.flatMap(({ verdict }) => Object.values(verdict.counts.violations))
  return {
    cells: cells.length - impossible,
    survived: count('survived'),
    broken: count('broken'),
    notReached: count('not-reached'),
    reachedAfterAll: count('reached-after-all'),
    impossible,
    deaths: cells.filter(({ deaths }) => deaths > 0).length,
    charges: cells.reduce((sum, { charges }) => sum + charges, 0),
    violations: violations.reduce((sum, n) => sum + n, 0),
    /** Clients who had no final answer when the process died. */
    waiting: waited.length,
    medianRecoveryMs: waited.length === 0 ? 0 : median(waited),
    maxRecoveryMs: Math.max(0, ...waited),
    medianRestMs: rested.length === 0 ? 0 : median(rested),
    maxRestMs: Math.max(0, ...rested),
  }
}
