import type { Verdict } from '../auditor/verdict.ts'
import { type Commit, resultHead } from '../reporting/result-head.ts'
import { spreadOf } from '../reporting/spread.ts'
import type { Summary } from '../scenarios/summary.ts'
import type { Storm } from './run-storm.ts'

export type StormSettings = Commit &
  Readonly<{
    seed: number
    short: boolean
    ratedPerSecond: number
    switches: Readonly<Record<string, string>>
  }>

/** A file of `load-tests/results`, of kind `storm`: one night, and what it came to. */
export async function resultOfStorm(storm: Storm, settings: StormSettings) {
  const { verdict, summary } = storm
  const { seed, short, ratedPerSecond, switches } = settings
  const arm = Object.values(switches).includes('naive') ? 'naive' : 'with'
  const flags = [`--rate ${ratedPerSecond}`, `--seed ${seed}`, ...(short ? ['--short'] : [])]
  const what = {
    name: 'storm',
    kind: 'storm' as const,
    title: 'Ten times the load while things break, and nobody awake',
    command: `npm run storm -- ${flags.join(' ')}`,
    seed,
  }
  return {
    ...(await resultHead(what, settings)),
    ratedPerSecond,
    arms: {
      [arm]: {
        switches,
        ...spreadOf([figuresOf(verdict, summary)]),
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
  const isWhole = verdict.valid === true && k6ExitCode === 0
  return isWhole ? ('proved' as const) : ('not-exercised' as const)
}

function wordOf({ valid }: Verdict) {
  if (valid === 'unknown') return 'unknown' as const
  return valid ? ('valid' as const) : ('invalid' as const)
}

/** Numbers only. A phase's figures carry its name: `tenfoldGoodPerSecond`. */
function figuresOf(verdict: Verdict, summary: Summary | undefined): Record<string, number> {
  const { recoveryMs } = verdict.coverage
  const figures: Record<string, number> = {
    ...(recoveryMs === undefined ? {} : { recoveryMs }),
    violations: Object.values(verdict.counts.violations).reduce((sum, count) => sum + count, 0),
  }
  if (summary === undefined) return figures
  for (const phase of summary.phases) {
    const { name, seconds, offered, good, late, refused, pending, lost } = phase
    const named = {
      OfferedPerSecond: Math.round((offered / seconds) * 100) / 100,
      GoodPerSecond: phase.goodPerSecond,
      ...{ Offered: offered, Good: good, Late: late, Refused: refused },
      ...{ Pending: pending, Lost: lost },
      ...(phase.fromIntendedStartMs ? { P99Ms: phase.fromIntendedStartMs.p99 } : {}),
    }
    for (const [figure, value] of Object.entries(named)) figures[`${name}${figure}`] = value
  }
  return {
    ...figures,
    attempts: summary.attempts,
    errors: summary.errors,
    dropped: summary.dropped,
  }
}
