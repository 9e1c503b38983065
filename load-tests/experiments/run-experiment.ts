import type { TestParts } from '@nightshift/local/test-parts'
import type { Experiment, Figures } from './experiment.ts'
import { describeMachine } from './machine.ts'
import { median } from './measure.ts'
import { type ArmRound, runArm } from './run-arm.ts'

export type RunOptions = Readonly<{
  parts: TestParts
  rounds: number
  seed: number
  short: boolean
  commit: string
  dirty: boolean
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
  const size = short ? experiment.size.short : experiment.size.full
  const done: Record<ArmName, ArmRound[]> = { naive: [], with: [] }
  for (let round = 1; round <= rounds; round += 1) {
    for (const arm of ['naive', 'with'] as const) {
      const one = await runArm(experiment, arm, parts, { seed: seed + round, size })
      done[arm].push(one)
      const shown = experiment.shows.figure
      const said = `${shown} ${one.figures[shown]}, verdict ${one.verdict.valid}`
      say(`round ${round} of ${rounds}, ${arm}: ${said} (${one.seconds.toFixed(1)} s)`)
      for (const doubt of doubtsOf(one)) say(`  ${doubt}`)
    }
  }
  const { name, title, pattern } = experiment
  return {
    name,
    kind: 'experiment' as const,
    title,
    pattern,
    command: `npm run experiment -- ${name} --rounds ${rounds} --seed ${seed}${short ? ' --short' : ''}`,
    commit: options.commit,
    dirty: options.dirty,
    date: new Date().toISOString(),
    seed,
    machine: await describeMachine(),
    sharedCores: true,
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
  const isCaught = done.naive.every(({ verdict }) => verdict.valid === false)
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
  const names = Object.keys(rounds[0]?.figures ?? {})
  const of = (name: string) => rounds.map(({ figures }) => figures[name] ?? 0)
  const worst = rounds.find(({ verdict }) => verdict.valid === false) ?? rounds[0]
  return {
    switches,
    rounds: rounds.map(({ figures }): Figures => figures),
    median: Object.fromEntries(names.map(name => [name, median(of(name))])),
    range: Object.fromEntries(
      names.map(name => [name, [Math.min(...of(name)), Math.max(...of(name))]]),
    ),
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
