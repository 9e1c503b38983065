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
 * What is also counted for each phase by itself. To ask k6 for that, a threshold has to be put on
 * the part of the metric; these hold always.
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
 * What k6 is to do. People arrive at their rate whether or not the system keeps up (open model);
 * a run whose generator had nobody free to send, and so let somebody not come, fails.
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
    scenarios: Object.fromEntries(arrivals.map(each => [each.name, scenarioOf(each)])),
    thresholds: { dropped_iterations: ['count==0'], ...Object.fromEntries([...parts, ...delays]) },
    // Each person is another browser. Kept open, the connections of thousands of virtual users, who
    // take turns, would be what a service runs out of first.
    noVUConnectionReuse: true,
    // A lost answer is caught and recorded; k6 would write it into the log.
    throw: true,
    systemTags: ['scenario'],
    summaryTrendStats: ['min', 'p(50)', 'p(95)', 'p(99)', 'max', 'count'],
  }
}

function scenarioOf(arrivals: Arrivals): Scenario {
  const { exec, stages, stayMs } = arrivals
  const users = virtualUsersFor(arrivals)
  const who = {
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
    return { executor: 'constant-arrival-rate', ...who, rate: startRate, duration }
  }
  return {
    executor: 'ramping-arrival-rate',
    ...who,
    startRate,
    stages: stages.flatMap((stage, at) => targetsOf(stage, stages[at - 1])),
  }
}

/** k6 goes on from where the stage before has ended; a jump is a stage that takes no time. */
function targetsOf({ seconds, fromPerSecond, toPerSecond }: Stage, before: Stage | undefined) {
  const there = { target: toPerSecond, duration: milliseconds(seconds) }
  if (before === undefined || before.toPerSecond === fromPerSecond) return [there]
  return [{ target: fromPerSecond, duration: milliseconds(0) }, there]
}

function milliseconds(seconds: number): string {
  return `${Math.round(seconds * msPerSecond)}ms`
}
