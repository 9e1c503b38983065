import type { Verdict } from '../auditor/verdict.ts'
import { spreadOf } from '../reporting/figures.ts'
import { type Commit, resultHead } from '../reporting/result-head.ts'
import type { PhaseSummary, Summary } from '../scenarios/summary.ts'
import type { Storm } from './run-storm.ts'

export type StormSettings = Commit &
  Readonly<{
    seed: number
    short: boolean
    ratedPerSecond: number
    switches: Readonly<Record<string, string>>
  }>

/** The content of a file in `load-tests/results`, of kind `storm`. */
export async function resultOfStorm(storm: Storm, settings: StormSettings) {
  const { verdict, summary, figures } = storm
  const { seed, short, ratedPerSecond, switches } = settings
  const arm = Object.values(switches).includes('naive') ? 'naive' : 'with'
  const flags = [`--rate ${ratedPerSecond}`, `--seed ${seed}`, ...(short ? ['--short'] : [])]
  const run = {
    name: 'storm',
    kind: 'storm' as const,
    title: 'Ten times the load while things break, and nobody awake',
    command: `npm run storm -- ${flags.join(' ')}`,
    seed,
  }
  return {
    ...(await resultHead(run, settings)),
    ratedPerSecond,
    arms: {
      [arm]: {
        switches,
        ...spreadOf([{ ...figuresOf(verdict, summary), ...figures }]),
        verdict: wordOf(verdict),
        violations: verdict.counts.violations,
      },
    },
    sometimes: verdict.coverage.sometimes,
    outcome: outcomeOf(storm),
  }
}

function outcomeOf({ verdict, k6ExitCode }: Storm) {
  if (verdict.valid === false) return 'broken' as const
  const isComplete = verdict.valid === true && k6ExitCode === 0
  return isComplete ? ('proved' as const) : ('not-exercised' as const)
}

function wordOf({ valid }: Verdict) {
  if (valid === 'unknown') return 'unknown' as const
  return valid ? ('valid' as const) : ('invalid' as const)
}

function figuresOf(verdict: Verdict, summary: Summary | undefined): Record<string, number> {
  const { recoveryMs } = verdict.coverage
  const violations = Object.values(verdict.counts.violations)
  return {
    ...(recoveryMs === undefined ? {} : { recoveryMs }),
    violations: violations.reduce((sum, count) => sum + count, 0),
    ...(summary === undefined ? {} : loadFigures(summary)),
  }
}

function loadFigures({ phases, attempts, errors, dropped }: Summary): Record<string, number> {
  const entries = phases.flatMap(phase => Object.entries(phaseFigures(phase)))
  return { ...Object.fromEntries(entries), attempts, errors, dropped }
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
