import type { Options, Scenario } from 'k6/options'
import {
  type Arrivals,
  isConstant,
  type Phase,
  type Stage,
  secondsOf,
  stayMarginMs,
  virtualUsersFor,
} from './profile.ts'

const msPerSecond = 1_000
/**
 * Metrics that are also counted per phase. k6 does that only for a metric with a threshold on the
 * phase, so these thresholds always hold.
 */
const countedByPhase = {
  offered_intents: 'count>=0',
  good_answers: 'count>=0',
  late_answers: 'count>=0',
  refused_answers: 'count>=0',
  pending_answers: 'count>=0',
  lost_answers: 'count>=0',
  from_intended_start: 'max>=0',
}

/**
 * The options of k6. Visitors arrive at their rate whether or not the system keeps up (open model). The
 * run fails if k6 drops an arrival because no virtual user is free.
 */
export function optionsFor(phases: readonly Phase[], arrivals: readonly Arrivals[]): Options {
  const parts = phases.flatMap(({ name }) =>
    Object.entries(countedByPhase).map(([metric, always]) => [
      `${metric}{phase:${name}}`,
      [always],
    ]),
  )
  const delays = arrivals.map(({ name }) => [`start_delay{scenario:${name}}`, ['max>=0']])
  return {
    scenarios: Object.fromEntries(arrivals.map(each => [each.name, k6ScenarioOf(each)])),
    thresholds: { dropped_iterations: ['count==0'], ...Object.fromEntries([...parts, ...delays]) },
    // Each visitor is another browser. If thousands of virtual users kept their connections open, a
    // service would run out of connections first.
    noVUConnectionReuse: true,
    // `send` catches and records a lost answer. Without `throw`, k6 would only log it.
    throw: true,
    systemTags: ['scenario'],
    summaryTrendStats: ['min', 'p(50)', 'p(95)', 'p(99)', 'max', 'count'],
  }
}

function k6ScenarioOf(arrivals: Arrivals): Scenario {
  const { exec, stages, stayMs } = arrivals
  const users = virtualUsersFor(arrivals)
  const common = {
    exec,
    gracefulStop: `${stayMs + stayMarginMs}ms`,
    preAllocatedVUs: users,
    maxVUs: users,
    timeUnit: '1s',
  }
  const [first] = stages
  const startRate = first?.fromPerSecond ?? 0
  if (isConstant(stages)) {
    const duration = milliseconds(secondsOf(stages))
    return { executor: 'constant-arrival-rate', ...common, rate: startRate, duration }
  }
  return {
    executor: 'ramping-arrival-rate',
    ...common,
    startRate,
    stages: stages.flatMap((stage, at) => targetsOf(stage, stages[at - 1])),
  }
}

/** k6 starts a stage at the rate where the last one ended, so a jump is a stage of no length. */
function targetsOf({ seconds, fromPerSecond, toPerSecond }: Stage, before: Stage | undefined) {
  const there = { target: toPerSecond, duration: milliseconds(seconds) }
  if (before === undefined || before.toPerSecond === fromPerSecond) return [there]
  return [{ target: fromPerSecond, duration: milliseconds(0) }, there]
}

function milliseconds(seconds: number): string {
  return `${Math.round(seconds * msPerSecond)}ms`
}
