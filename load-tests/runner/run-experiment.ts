import type { TestParts } from '../harness/test-parts.ts'
import { type Commit, resultHead } from '../reporting/result-head.ts'
import { spreadOf } from '../reporting/spread.ts'
import type { Experiment } from './experiment.ts'
import { type ArmRound, runArm } from './run-arm.ts'

export type RunOptions = Commit &
  Readonly<{
    parts: TestParts
    rounds: number
    seed: number
    short: boolean
    say: (line: string) => void
  }>

type ArmName = 'naive' | 'with'

/**
 * Makes one file of `load-tests/results`, whose form is `result.schema.json` there.
 * Runs both arms in turn, so that a machine that gets slower hurts both: naive, with, naive, with.
 * The same seed and size in both, and a fresh system each time.
 */
export async function runExperiment(experiment: Experiment, options: RunOptions) {
  const { parts, rounds, seed, short, say } = options
  const done: Record<ArmName, ArmRound[]> = { naive: [], with: [] }
  for (let round = 1; round <= rounds; round += 1) {
    for (const arm of ['naive', 'with'] as const) {
      const one = await runArm(experiment, arm, parts, { seed: seed + round, short })
      done[arm].push(one)
      const shown = experiment.shows.figure
      const said = `${shown} ${one.figures[shown]}, verdict ${one.verdict.valid}`
      say(`round ${round} of ${rounds}, ${arm}: ${said} (${one.seconds.toFixed(1)} s)`)
      for (const doubt of doubtsOf(one)) say(`  ${doubt}`)
    }
  }
  const { name, title, area, pattern } = experiment
  const asked = `${name} --rounds ${rounds} --seed ${seed}${short ? ' --short' : ''}`
  const command = `npm run experiment -- ${asked}`
  return {
    ...(await resultHead({ name, kind: 'experiment', title, command, seed }, options)),
    area,
    pattern,
    hypothesis: experiment.hypothesis,
    shows: experiment.shows,
    arms: {
      naive: summarise(done.naive, experiment.arms.naive),
      with: summarise(done.with, experiment.arms.with),
    },
    sometimes: leastOf(done.with.map(({ verdict }) => verdict.coverage.sometimes)),
    outcome: judge(experiment, done),
  }
}

/**
 * `broken`: the pattern did not hold. `not-exercised`: what had to happen did not. `dud`: without the
 * pattern it was not visibly worse in every round, so the fault shows nothing.
 */
function judge(experiment: Experiment, done: Record<ArmName, ArmRound[]>) {
  if (done.with.some(({ verdict }) => verdict.valid === false)) return 'broken' as const
  const all = [...done.with, ...done.naive]
  if (done.with.some(({ verdict }) => verdict.valid !== true)) return 'not-exercised' as const
  if (all.some(({ verdict }) => verdict.coverage.unmet.length > 0)) return 'not-exercised' as const
  const { figure, atLeast } = experiment.shows
  const isWorse = done.naive.every((naive, round) => {
    const protectedFigure = done.with[round]?.figures[figure] ?? 0
    return (naive.figures[figure] ?? 0) >= protectedFigure + atLeast
  })
  const isCaught =
    experiment.breaksNoPromise || done.naive.every(({ verdict }) => verdict.valid === false)
  return isWorse && isCaught ? ('proved' as const) : ('dud' as const)
}

function doubtsOf({ verdict }: ArmRound): string[] {
  const broken = Object.entries(verdict.counts.violations).map(([name, n]) => `${name} x ${n}`)
  const { unmet, unknown } = verdict.coverage
  return [
    ...(broken.length > 0 ? [`broken: ${broken.join(', ')}`] : []),
    ...(unmet.length > 0 ? [`did not happen: ${unmet.join(', ')}`] : []),
    ...(unknown.length > 0 ? [`unknown: ${unknown.join('; ')}`] : []),
  ]
}

function summarise(rounds: readonly ArmRound[], switches: object) {
  const worst = rounds.find(({ verdict }) => verdict.valid === false) ?? rounds[0]
  return {
    switches,
    ...spreadOf(rounds.map(({ figures }) => figures)),
    verdict: verdictWord(worst?.verdict.valid),
    violations: worst?.verdict.counts.violations ?? {},
  }
}

function verdictWord(valid: boolean | 'unknown' | undefined) {
  if (valid === true) return 'valid' as const
  return valid === false ? ('invalid' as const) : ('unknown' as const)
}

/** A thing counts as having happened only as often as it did in the round with the least of it. */
function leastOf(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = new Set(all.flatMap(one => Object.keys(one)))
  return Object.fromEntries(
    [...names].map(name => [name, Math.min(...all.map(one => one[name] ?? 0))]),
  )
}
