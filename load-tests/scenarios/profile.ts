import type { Settings } from './settings.ts'

/** Arrivals per second, which change linearly from the begin of a stage to its end. */
export type Stage = Readonly<{ seconds: number; fromPerSecond: number; toPerSecond: number }>

/** A part of a run that has figures of its own. */
export type Phase = Readonly<{ name: string; stages: readonly Stage[] }>

/** Visitors of one kind during the whole run, which is one scenario of k6. */
export type Arrivals = Readonly<{
  name: 'employers' | 'candidates'
  /** The function that k6 runs for each visitor. */
  exec: 'employer' | 'candidate'
  stages: readonly Stage[]
  /** The longest time that a visitor stays. */
  stayMs: number
}>

/**
 * An employer without an answer gives up then, whatever Retry-After says. The limit decides how many
 * virtual users are needed: rate times longest stay. There is time for one unanswered request and a retry.
 */
const employerPatienceMs = 7_000
/** A candidate that only browses leaves sooner. */
const candidatePatienceMs = 3_000

/** A stay may take this much longer on a busy machine. */
export const stayMarginMs = 1_500

/** A virtual user takes about 500 KiB. If more were needed, iterations are dropped and the run fails. */
const virtualUsersMax = 4_000
const msPerSecond = 1_000

/** Half an hour at the steady rate, because a leak shows only after a while. */
export const soakSeconds = 1_800

/** The steady rate from begin to end. */
export function steadyLoad(settings: Settings, defaultSeconds: number): Phase[] {
  const perSecond = steadyPerSecond(settings)
  return [phaseOf('steady', settings.seconds ?? defaultSeconds, perSecond)]
}

/** The steady rate, a fast rise to ten times that, and a fast fall back. */
export function spikeLoad(settings: Settings, defaultSeconds: number): Phase[] {
  const seconds = settings.seconds ?? defaultSeconds
  const steady = steadyPerSecond(settings)
  const peak = steady * settings.tenfold
  const stage = (share: number, fromPerSecond: number, toPerSecond: number): Stage => ({
    seconds: share * seconds,
    fromPerSecond,
    toPerSecond,
  })
  return [
    phaseOf('before', 0.3 * seconds, steady),
    {
      name: 'spike',
      stages: [stage(0.05, steady, peak), stage(0.2, peak, peak), stage(0.05, peak, steady)],
    },
    phaseOf('after', 0.4 * seconds, steady),
  ]
}

const fullSeconds = { steady: 90, outages: 120, saturated: 60, tenfold: 300, back: 150 }
const shortSeconds = { steady: 15, outages: 60, saturated: 15, tenfold: 60, back: 25 }

/**
 * The steady rate, first undisturbed and then while parts are away, the rated capacity itself, then ten
 * times the steady rate without a warning, and the steady rate again.
 */
export function threeInTheMorning(settings: Settings): Phase[] {
  const lengths = settings.short ? shortSeconds : fullSeconds
  const all = Object.values(lengths).reduce((sum, seconds) => sum + seconds)
  const scale = (settings.seconds ?? all) / all
  const steady = steadyPerSecond(settings)
  return [
    phaseOf('steady', lengths.steady * scale, steady),
    phaseOf('outages', lengths.outages * scale, steady),
    phaseOf('saturated', lengths.saturated * scale, settings.ratedPerSecond),
    phaseOf('tenfold', lengths.tenfold * scale, steady * settings.tenfold),
    phaseOf('back', lengths.back * scale, steady),
  ]
}

/**
 * The arrivals during these phases. Employers count against the rated capacity. Candidates come on top,
 * at a rate of their own.
 */
export function arrivalsOf(phases: readonly Phase[], browseShare: number): Arrivals[] {
  const stages = phases.flatMap(phase => phase.stages)
  const employers: Arrivals = {
    name: 'employers',
    exec: 'employer',
    stages,
    stayMs: employerPatienceMs,
  }
  const candidates: Arrivals = {
    name: 'candidates',
    exec: 'candidate',
    stages: stages.map(stage => scale(stage, browseShare)),
    stayMs: candidatePatienceMs,
  }
  return browseShare === 0 ? [employers] : [employers, candidates]
}

/** The phase of a visitor that arrived this many milliseconds after the begin. */
export function phaseAt(phases: readonly Phase[], offsetMs: number): string {
  let endMs = 0
  const phase = phases.find(({ stages }) => {
    endMs += secondsOf(stages) * msPerSecond
    return offsetMs < endMs
  })
  return (phase ?? phases.at(-1))?.name ?? ''
}

/** The most that can be there at once, by Little's law: arrivals per second times longest stay. */
export function virtualUsersFor({ stages, stayMs }: Pick<Arrivals, 'stages' | 'stayMs'>): number {
  const perSecond = Math.max(...stages.flatMap(stage => [stage.fromPerSecond, stage.toPerSecond]))
  return Math.min(virtualUsersMax, Math.ceil((perSecond * (stayMs + stayMarginMs)) / msPerSecond))
}

/** k6 has an executor of its own for a constant rate. */
export function isConstant(stages: readonly Stage[]): boolean {
  const [first, ...more] = stages
  return more.length === 0 && first?.fromPerSecond === first?.toPerSecond
}

/**
 * The intended start of an iteration, in milliseconds after the start of its scenario.
 *
 * k6 starts an iteration whenever the area below the rate has grown by one. With a constant rate the
 * first iteration starts at once, so iteration n (from 0) is due at area n. The ramping executor begins
 * with area 1. Within a stage of length T from rate a to b, the area after x seconds is
 * a·x + (b-a)·x²/2T, which is solved for x. k6 numbers only iterations that it started. If some were
 * dropped, later ones seem due too early, so their times come out too long, never too short. Such a run
 * fails anyway.
 */
export function intendedOffsetMs(stages: readonly Stage[], iteration: number): number {
  let area = isConstant(stages) ? iteration : iteration + 1
  let startSeconds = 0
  for (const { seconds, fromPerSecond, toPerSecond } of stages) {
    const whole = (seconds * (fromPerSecond + toPerSecond)) / 2
    if (area <= whole) {
      const growth = (toPerSecond - fromPerSecond) / seconds
      return (startSeconds + secondsToArea(area, fromPerSecond, growth)) * msPerSecond
    }
    area -= whole
    startSeconds += seconds
  }
  return startSeconds * msPerSecond
}

/** The smaller root of `from·x + growth·x²/2 = area`, in the form that does not divide by the growth. */
function secondsToArea(area: number, fromPerSecond: number, growth: number): number {
  if (area === 0) return 0
  const root = Math.sqrt(Math.max(0, fromPerSecond * fromPerSecond + 2 * growth * area))
  return (2 * area) / (fromPerSecond + root)
}

export function secondsOf(stages: readonly Stage[]): number {
  return stages.reduce((sum, stage) => sum + stage.seconds, 0)
}

/** A whole number of arrivals, because k6 accepts no other. */
function steadyPerSecond({ ratedPerSecond, steadyShare }: Settings): number {
  return Math.max(1, Math.round(ratedPerSecond * steadyShare))
}

function phaseOf(name: string, seconds: number, perSecond: number): Phase {
  return { name, stages: [{ seconds, fromPerSecond: perSecond, toPerSecond: perSecond }] }
}

function scale(stage: Stage, share: number): Stage {
  return {
    seconds: stage.seconds,
    fromPerSecond: Math.max(1, Math.round(stage.fromPerSecond * share)),
    toPerSecond: Math.max(1, Math.round(stage.toPerSecond * share)),
  }
}
