import { explainPromise } from '../auditor/promises.ts'
import type { PromiseCode } from '../auditor/verdict.ts'
import type { TestParts } from '../harness/test-parts.ts'
import { spreadOf } from '../reporting/figures.ts'
import { type Commit, resultHead } from '../reporting/result-head.ts'
import type { Experiment } from './experiment.ts'
import { type ArmRound, runArm } from './run-arm.ts'

export type RunOptions = Commit &
  Readonly<{
    parts: TestParts
    rounds: number
    seed: number
    short: boolean
    say: (line: string) => void
    /** Says why a proof may have failed. A failed proof repeats these lines in the summary. */
    explain: (line: string) => void
  }>

type ArmName = 'naive' | 'with'

/**
 * Runs the arms in turn (naive, with, naive, with), so that a machine that slows down affects both.
 * Each arm of a round has the same seed and size, and a fresh system.
 * @returns the content of one file of `load-tests/results`, in the format of `result.schema.json`
 */
export async function runExperiment(experiment: Experiment, options: RunOptions) {
  const { parts, rounds, seed, short, say, explain } = options
  const done: Record<ArmName, ArmRound[]> = { naive: [], with: [] }
  for (let round = 1; round <= rounds; round += 1) {
    for (const arm of ['naive', 'with'] as const) {
      const one = await runArm(experiment, arm, parts, { seed: seed + round, short })
      done[arm].push(one)
      const { figure } = experiment.shows
      const outcome = `${figure} ${one.figures[figure]}, verdict ${one.verdict.valid}`
      say(`round ${round} of ${rounds}, ${arm}: ${outcome} (${one.seconds.toFixed(1)} s)`)
      for (const line of countViolations(one)) say(`  ${line}`)
      if (arm === 'with') for (const line of explainViolations(one)) explain(line)
      for (const line of explainGaps(one)) explain(`${arm}: ${line}`)
    }
  }
  const { name, title, area, pattern } = experiment
  const args = `${name} --rounds ${rounds} --seed ${seed}${short ? ' --short' : ''}`
  const command = `npm run experiment -- ${args}`
  return {
    ...(await resultHead({ name, kind: 'experiment', title, command, seed }, options)),
    area,
    pattern,
    hypothesis: experiment.hypothesis,
    shows: experiment.shows,
    arms: {
      naive: summarize(done.naive, experiment.arms.naive),
      with: summarize(done.with, experiment.arms.with),
    },
    sometimes: leastOf(done.with.map(({ verdict }) => verdict.coverage.sometimes)),
    outcome: outcomeOf(experiment, done),
  }
}

/** The word that the format of results has for "no effect". */
export const noEffect = 'dud' as const

/**
 * `broken`: a promise was broken although the pattern was on. `not-exercised`: what had to happen did
 * not. No effect: the naive arm was not worse in every round, so the fault shows nothing.
 */
function outcomeOf(experiment: Experiment, done: Record<ArmName, ArmRound[]>) {
  if (done.with.some(({ verdict }) => verdict.valid === false)) return 'broken' as const
  const all = [...done.with, ...done.naive]
  if (done.with.some(({ verdict }) => verdict.valid !== true)) return 'not-exercised' as const
  if (all.some(({ verdict }) => verdict.coverage.unmet.length > 0)) return 'not-exercised' as const
  const { figure, atLeast } = experiment.shows
  const isWorse = done.naive.every((naive, round) => {
    const withPattern = done.with[round]?.figures[figure] ?? 0
    return (naive.figures[figure] ?? 0) >= withPattern + atLeast
  })
  const isCaught =
    experiment.breaksNoPromise || done.naive.every(({ verdict }) => verdict.valid === false)
  return isWorse && isCaught ? ('proved' as const) : noEffect
}

function countViolations({ verdict }: ArmRound): string[] {
  return Object.entries(verdict.counts.violations).map(
    ([code, count]) => `broken ${count} times: ${explainPromise(code as PromiseCode)}`,
  )
}

/** More violations of one kind add nothing to the first few. */
const explainedMax = 5

/** The first violations, with their ids. The naive arm is expected to have some, this one is not. */
function explainViolations({ verdict }: ArmRound): string[] {
  return verdict.violations
    .slice(0, explainedMax)
    .map(({ promise, message }) => `${promise} although the pattern was on: ${message}`)
}

/** What was not seen, without which the verdict cannot be sure. */
function explainGaps({ verdict }: ArmRound): string[] {
  const { unmet, inconclusive } = verdict.coverage
  return [
    ...(unmet.length > 0 ? [`did not happen: ${unmet.join(', ')}`] : []),
    ...(inconclusive.length > 0 ? [`inconclusive: ${inconclusive.join('; ')}`] : []),
  ]
}

function summarize(rounds: readonly ArmRound[], switches: object) {
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

/** An event counts only as often as it happened in the round that had the least of it. */
function leastOf(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = new Set(all.flatMap(one => Object.keys(one)))
  return Object.fromEntries(
    [...names].map(name => [name, Math.min(...all.map(one => one[name] ?? 0))]),
  )
}
