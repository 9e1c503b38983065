import type { Verdict } from '../auditor/verdict.ts'
import { type Figures, spreadOf } from '../reporting/figures.ts'
import { type Commit, resultHead } from '../reporting/result-head.ts'
import type { PhaseSummary, Summary } from '../scenarios/summary.ts'
import type { Storm } from './run-storm.ts'
import { type JudgedGoal, judgeGoals } from './storm-goals.ts'

/** The storms of one arm, with the switches that they had. */
export type StormArm = Readonly<{
  switches: Readonly<Record<string, string>>
  storms: readonly Pick<Storm, 'verdict' | 'summary' | 'figures' | 'k6ExitCode'>[]
}>

export type StormSettings = Commit &
  Readonly<{
    /** The name of the file in `load-tests/results`. */
    name: string
    command: string
    seed: number
    ratedPerSecond: number
  }>

/** The content of a file in `load-tests/results`, of kind `storm`. */
export async function resultOfStorms(
  arms: Readonly<Record<string, StormArm>>,
  settings: StormSettings,
) {
  const { name, command, seed, ratedPerSecond } = settings
  const title = 'Ten times the load while things break, and nobody awake'
  const run = { name, kind: 'storm' as const, title, command, seed }
  const judged = Object.fromEntries(
    Object.entries(arms).map(([arm, { switches, storms }]) => [
      arm,
      { switches, ...spreadOf(storms.map(figuresOf)), ...verdictOf(storms) },
    ]),
  )
  const targets = judgeGoals((judged['with'] ?? judged['naive'])?.median ?? {})
  return {
    ...(await resultHead(run, settings)),
    ratedPerSecond,
    arms: judged,
    targets,
    sometimes: arms['with']?.storms[0]?.verdict.coverage.sometimes ?? {},
    outcome: outcomeOf((arms['with'] ?? arms['naive'])?.storms ?? [], targets),
  }
}

/**
 * `proved`: everything held in every storm, and every goal was reached. `measured`: everything held,
 * and a goal was missed. Without the pattern nothing has to hold, if there are storms with it.
 */
function outcomeOf(storms: StormArm['storms'], goals: readonly JudgedGoal[]) {
  if (storms.some(({ verdict }) => verdict.valid === false)) return 'broken' as const
  const isComplete = storms.every(
    ({ verdict, k6ExitCode }) => verdict.valid === true && k6ExitCode === 0,
  )
  if (!isComplete) return 'not-exercised' as const
  return goals.every(({ met }) => met) ? ('proved' as const) : ('measured' as const)
}

function verdictOf(storms: StormArm['storms']) {
  const worst = storms.find(({ verdict }) => verdict.valid !== true) ?? storms[0]
  return {
    verdict: wordOf(worst?.verdict.valid),
    violations: worst?.verdict.counts.violations ?? {},
  }
}

function wordOf(valid: Verdict['valid'] | undefined) {
  if (valid === true) return 'valid' as const
  return valid === false ? ('invalid' as const) : ('unknown' as const)
}

function figuresOf({ verdict, summary, figures }: StormArm['storms'][number]): Figures {
  const { recoveryMs } = verdict.coverage
  const violations = Object.values(verdict.counts.violations)
  return {
    ...(recoveryMs === undefined ? {} : { recoveryMs }),
    violations: violations.reduce((sum, count) => sum + count, 0),
    ...(summary === undefined ? {} : loadFigures(summary)),
    ...figures,
  }
}

function loadFigures({ phases, attempts, dropped }: Summary): Record<string, number> {
  const entries = phases.flatMap(phase => Object.entries(phaseFigures(phase)))
  return { ...Object.fromEntries(entries), attempts, dropped }
}

/** The figures of a phase begin with its name, for example `tenfoldGoodPerSecond`. */
function phaseFigures(phase: PhaseSummary): Record<string, number> {
  const { name, seconds, offered, fromIntendedStartMs } = phase
  return {
    [`${name}OfferedPerSecond`]: Math.round((offered / seconds) * 100) / 100,
    [`${name}GoodPerSecond`]: phase.goodPerSecond,
    [`${name}Offered`]: offered,
    [`${name}Good`]: phase.good,
    [`${name}Late`]: phase.late,
    [`${name}Refused`]: phase.refused,
    [`${name}Pending`]: phase.pending,
    [`${name}Lost`]: phase.lost,
    ...(fromIntendedStartMs ? { [`${name}P99Ms`]: fromIntendedStartMs.p99 } : {}),
  }
}
