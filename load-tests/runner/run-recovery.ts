import { setTimeout as sleep } from 'node:timers/promises'
import { type CallerHabits, retryingCallers } from '../harness/retrying-callers.ts'
import { steadyLoad } from '../harness/steady-load.ts'
import { setProviderFaults } from '../harness/test-client.ts'
import type { TestParts } from '../harness/test-parts.ts'
import { openTestSystem } from '../harness/test-system.ts'
import { type Figures, median, spreadOf } from '../reporting/figures.ts'
import { resultHead } from '../reporting/result-head.ts'
import type { Area } from './experiment.ts'
import { type Phases, recoveryFigures } from './recovery-figures.ts'
import { noEffect, type RunOptions } from './run-experiment.ts'

/** One way to treat the same trouble: what payments does, and what its callers do. */
export type RecoveryArm = Readonly<{
  title: string
  payments: Readonly<Record<string, string>>
  callers: CallerHabits
}>

/**
 * A short trouble under a steady load, and then the question whether the system comes back by itself.
 * No auditor judges it, because only the promise L8 is at stake: the goodput is back within 30 s.
 */
export type Recovery = Readonly<{
  name: string
  title: string
  area: Area
  hypothesis: string
  /** `naive` and `with` are those of all experiments. The others show what each part does. */
  arms: Readonly<Record<'naive' | 'backoff' | 'budget' | 'with', RecoveryArm>>
  callersPerSecond: number
  /** The settings of the card provider before and after the trouble, and during it. */
  provider: Readonly<{ usual: object; troubled: object }>
  phases: Readonly<{ full: Phases; short: Phases }>
  /** The longest time after the trouble until the arm with all patterns serves everybody again. */
  backWithinSeconds: number
  shows: Readonly<{ figure: string; of: string; unit: string }>
}>

type ArmName = keyof Recovery['arms']
type ArmRound = Readonly<{ figures: Figures; servedEachSecond: readonly number[] }>

const armNames: readonly ArmName[] = ['naive', 'backoff', 'budget', 'with']

/**
 * Runs the arms in turn, each on a fresh system.
 * @returns the content of one file of `load-tests/results`
 */
export async function runRecovery(recovery: Recovery, options: RunOptions) {
  const { parts, rounds, seed, short, say } = options
  const { name, title, area, hypothesis, shows, callersPerSecond } = recovery
  const phases = recovery.phases[short ? 'short' : 'full']
  const done: Record<ArmName, ArmRound[]> = { naive: [], backoff: [], budget: [], with: [] }
  for (let round = 1; round <= rounds; round += 1) {
    for (const arm of armNames) {
      const one = await runArm(recovery, arm, { parts, phases })
      done[arm].push(one)
      say(`round ${round} of ${rounds}, ${arm}: ${describe(one.figures)}`)
    }
  }
  const command = `npm run experiment -- ${name} --rounds ${rounds}${short ? ' --short' : ''}`
  const summarize = (arm: ArmName) => ({
    title: recovery.arms[arm].title,
    switches: { payments: recovery.arms[arm].payments, callers: recovery.arms[arm].callers },
    ...spreadOf(done[arm].map(({ figures }) => figures)),
    ...judge(done[arm]),
    servedEachSecond: medianOfEachSecond(done[arm]),
  })
  return {
    ...(await resultHead({ name, kind: 'experiment', title, command, seed }, options)),
    area,
    hypothesis,
    shows,
    callersPerSecond,
    phases,
    arms: {
      naive: summarize('naive'),
      backoff: summarize('backoff'),
      budget: summarize('budget'),
      with: summarize('with'),
    },
    outcome: outcomeOf(recovery, done),
  }
}

/** Payments and the card provider are all that takes part. */
async function runArm(
  recovery: Recovery,
  arm: ArmName,
  { parts, phases }: { parts: TestParts; phases: Phases },
): Promise<ArmRound> {
  const { provider, callersPerSecond } = recovery
  const { payments, callers: habits } = recovery.arms[arm]
  await using system = await openTestSystem({
    parts,
    run: ['card-provider', 'payments'],
    env: { payments },
  })
  const callers = retryingCallers(system, habits)
  const startedMs = performance.now() + phases.warmUpSeconds * 1_000
  const untilSecond = (second: number) => sleep(startedMs + second * 1_000 - performance.now())
  const load = steadyLoad(callersPerSecond, callers.come)
  const healedAt = phases.beforeSeconds + phases.troubleSeconds
  // The provider answers at once in the first half, or a cold start would be a trouble by itself.
  await untilSecond(-phases.warmUpSeconds / 2)
  await setProviderFaults(system, provider.usual)
  await untilSecond(phases.beforeSeconds)
  await setProviderFaults(system, provider.troubled)
  await untilSecond(healedAt)
  await setProviderFaults(system, provider.usual)
  await untilSecond(healedAt + phases.afterSeconds)
  await load.stop()
  return recoveryFigures(callers.all(), { phases, startedMs, callersPerSecond })
}

/**
 * `broken`: with all patterns the system was not back in time. No effect: without them it came back by
 * itself, so it was no metastable failure. `not-exercised`: it was not well before the trouble.
 */
function outcomeOf(recovery: Recovery, done: Record<ArmName, readonly ArmRound[]>) {
  const figuresOf = (arm: ArmName) => done[arm].map(({ figures }) => figures)
  const isBelow = (limit: number, figure: string) => (figures: Figures) =>
    (figures[figure] ?? Number.NaN) <= limit
  const wasWell = armNames.flatMap(figuresOf).every(isBelow(unwellMax, 'unservedShareBefore'))
  if (!wasWell) return 'not-exercised' as const
  const isBack = isBelow(recovery.backWithinSeconds, 'secondsUntilBack')
  if (!figuresOf('with').every(isBack)) return 'broken' as const
  const isCollapsed = isBelow(collapsedMax, 'servedShareAtEnd')
  const stayedDown = [...figuresOf('naive'), ...figuresOf('backoff')].every(isCollapsed)
  return stayedDown ? ('proved' as const) : noEffect
}

/** The promise L8 (the goodput is back within 30 s), with the number of rounds that broke it. */
function judge(rounds: readonly ArmRound[]) {
  const late = rounds.filter(
    ({ figures }) => !((figures['secondsUntilBack'] ?? 0) < promisedSeconds),
  )
  return late.length === 0
    ? { verdict: 'valid' as const, violations: {} }
    : { verdict: 'invalid' as const, violations: { L8: late.length } }
}

const promisedSeconds = 30
/** More callers than these without an answer before the trouble, and the load was too high anyway. */
const unwellMax = 0.05
/**
 * A system that serves no more than this share of its callers has not come back: it could serve all
 * before the trouble, and no more come than then.
 */
const collapsedMax = 0.5

function describe({ servedShareAtEnd, secondsUntilBack }: Figures): string {
  return `serves ${servedShareAtEnd} of its callers at the end, back after ${secondsUntilBack} s`
}

/** A curve for the chart: the middle of all rounds, second by second. */
function medianOfEachSecond(rounds: readonly ArmRound[]): number[] {
  const [first] = rounds
  return (first?.servedEachSecond ?? []).map((_, second) =>
    median(rounds.map(round => round.servedEachSecond[second] ?? 0)),
  )
}
