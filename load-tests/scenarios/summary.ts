import { type Arrivals, type Phase, secondsOf } from './profile.ts'
import type { Settings } from './settings.ts'

/** The figures of a run. Times are in milliseconds, and undefined where nothing was measured. */
export type Summary = Readonly<{
  scenario: string
  run: string
  seed: number
  seconds: number
  /** Intents of employers that began. Together with `dropped`, all that should have begun. */
  offered: number
  dropped: number
  /** Requests of employers, including retries and reads. */
  attempts: number
  /** Captured or declined, within REQUEST_TIMEOUT of the intended start. */
  good: number
  /** Captured or declined, but later. */
  late: number
  /** The last answer was a refusal. */
  refused: number
  /** Accepted, and without a final answer when the employer gave up. */
  pending: number
  /** No answer, or an answer that proves nothing. */
  lost: number
  /** Attempts answered by 500, 502 or 504. */
  errors: number
  goodPerSecond: number
  fromIntendedStartMs: Quantiles | undefined
  /** How late k6 began its iterations, which is the generator's own share of the times. */
  startDelayMs: Quantiles | undefined
  browse: Readonly<{ good: number; lost: number; fromIntendedStartMs: Quantiles | undefined }>
  phases: readonly PhaseSummary[]
}>

type Quantiles = Readonly<{ p50: number; p95: number; p99: number; max: number }>

type Endings = Pick<Summary, 'offered' | 'good' | 'late' | 'refused' | 'pending' | 'lost'>

/** Counts the visitors that arrived in this phase, even if they were answered in the next one. */
export type PhaseSummary = Endings &
  Readonly<{
    name: string
    startSeconds: number
    seconds: number
    goodPerSecond: number
    fromIntendedStartMs: Quantiles | undefined
  }>

/** The argument of k6's `handleSummary`: metrics by name, and per phase as `name{phase:x}`. */
export type SummaryData = Readonly<{
  metrics: Readonly<Record<string, { values: Readonly<Record<string, number>> } | undefined>>
}>

/** Computes the summary from the metrics of k6. */
export function summaryOf(
  scenario: string,
  { run, seed }: Pick<Settings, 'run' | 'seed'>,
  phases: readonly Phase[],
  data: SummaryData,
): Summary {
  const seconds = secondsOf(phases.flatMap(({ stages }) => stages))
  const endings = endingsIn(data, '')
  const employers = startDelayOf('employers', data)
  const candidates = startDelayOf('candidates', data)
  return {
    scenario,
    run,
    seed,
    seconds,
    ...endings,
    dropped: countIn(data, 'dropped_iterations'),
    attempts: countIn(data, 'attempts'),
    errors: countIn(data, 'error_answers'),
    goodPerSecond: perSecond(endings.good, seconds),
    fromIntendedStartMs: quantilesIn(data, 'from_intended_start', employers.leastMs),
    startDelayMs: employers.quantiles,
    browse: {
      good: countIn(data, 'browse_good'),
      lost: countIn(data, 'browse_lost'),
      fromIntendedStartMs: quantilesIn(data, 'browse_from_intended_start', candidates.leastMs),
    },
    phases: phases.map((phase, at) =>
      phaseSummaryOf(phase, phases.slice(0, at), data, employers.leastMs),
    ),
  }
}

function phaseSummaryOf(
  { name, stages }: Phase,
  before: readonly Phase[],
  data: SummaryData,
  leastDelayMs: number,
): PhaseSummary {
  const part = `{phase:${name}}`
  const seconds = secondsOf(stages)
  const endings = endingsIn(data, part)
  return {
    name,
    startSeconds: secondsOf(before.flatMap(phase => phase.stages)),
    seconds,
    ...endings,
    goodPerSecond: perSecond(endings.good, seconds),
    fromIntendedStartMs: quantilesIn(data, `from_intended_start${part}`, leastDelayMs),
  }
}

function endingsIn(data: SummaryData, part: string): Endings {
  return {
    offered: countIn(data, `offered_intents${part}`),
    good: countIn(data, `good_answers${part}`),
    late: countIn(data, `late_answers${part}`),
    refused: countIn(data, `refused_answers${part}`),
    pending: countIn(data, `pending_answers${part}`),
    lost: countIn(data, `lost_answers${part}`),
  }
}

/** k6 leaves out a counter that was never increased. */
function countIn({ metrics }: SummaryData, name: string): number {
  return metrics[name]?.values['count'] ?? 0
}

/**
 * The ramping executor of k6 starts its clock only after it has woken all virtual users, which takes some
 * 20 microseconds each. But it tells the script an earlier start time. So every intended start is too
 * early by the same few dozen milliseconds. The smallest delay of any iteration shows how much.
 */
function startDelayOf(scenario: Arrivals['name'], data: SummaryData) {
  const name = `start_delay{scenario:${scenario}}`
  const leastMs = Math.max(0, data.metrics[name]?.values['min'] ?? 0)
  return { leastMs, quantiles: quantilesIn(data, name, leastMs) }
}

function quantilesIn(
  { metrics }: SummaryData,
  name: string,
  leastDelayMs: number,
): Quantiles | undefined {
  const values = metrics[name]?.values
  if (values === undefined || !values['count']) return undefined
  const read = (statistic: string) => {
    const value = values[statistic] ?? Number.NaN
    return Math.max(0, Math.round(value - leastDelayMs))
  }
  return { p50: read('p(50)'), p95: read('p(95)'), p99: read('p(99)'), max: read('max') }
}

function perSecond(count: number, seconds: number): number {
  return Math.round((count / seconds) * 100) / 100
}
