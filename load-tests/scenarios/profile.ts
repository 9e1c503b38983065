import type { Settings } from './settings.ts'

/** Arrivals per second, changing evenly from the begin of a stage to its end. */
export type Stage = Readonly<{ seconds: number; fromPerSecond: number; toPerSecond: number }>

/** A part of a run that is counted by itself. */
export type Phase = Readonly<{ name: string; stages: readonly Stage[] }>

/** People of one kind, through the whole run: a scenario of k6. */
export type Arrivals = Readonly<{
  name: 'employers' | 'candidates'
  /** The function that k6 runs for each of them. */
  exec: 'employer' | 'candidate'
  stages: readonly Stage[]
  /** How long one of them stays at most. */
  stayMs: number
}>

/**
 * An employer who has no answer gives up by then, whatever Retry-After said. Hard, because it
 * decides how many virtual users there must be: rate times longest stay. Room for one request that
 * is never answered, and for another try.
 */
const employerPatienceMs = 7_000
/** Somebody who only looks around leaves sooner. */
const candidatePatienceMs = 3_000

/** What a stay may take beyond its patience, on a machine that is busy. */
export const stayMarginMs = 1_500

/** About 500 KiB each. Where this bound bites, `dropped_iterations` says so and the run fails. */
const virtualUsersMax = 4_000
const msPerSecond = 1_000

/** The ordinary night, from begin to end. */
export function steadyNight(settings: Settings, defaultSeconds: number): Phase[] {
  const perSecond = steadyPerSecond(settings)
  return [phaseOf('steady', settings.seconds ?? defaultSeconds, perSecond)]
}

/** Steady, then within a moment the tenfold, and back within a moment, as news travels. */
export function suddenCrowd(settings: Settings, defaultSeconds: number): Phase[] {
  const seconds = settings.seconds ?? defaultSeconds
  const steady = steadyPerSecond(settings)
  const crowd = steady * settings.tenfold
  const stage = (share: number, fromPerSecond: number, toPerSecond: number): Stage => ({
    seconds: share * seconds,
    fromPerSecond,
    toPerSecond,
  })
  return [
    phaseOf('before', 0.3 * seconds, steady),
    {
      name: 'spike',
      stages: [stage(0.05, steady, crowd), stage(0.2, crowd, crowd), stage(0.05, crowd, steady)],
    },
    phaseOf('after', 0.4 * seconds, steady),
  ]
}

const nightSeconds = { steady: 120, tenfold: 300, back: 180 }
const shortNightSeconds = { steady: 20, tenfold: 35, back: 35 }

/** Steady, then ten times that without a warning, then steady again; nobody touches anything. */
export function threeInTheMorning(settings: Settings): Phase[] {
  const lengths = settings.short ? shortNightSeconds : nightSeconds
  const all = lengths.steady + lengths.tenfold + lengths.back
  const scale = (settings.seconds ?? all) / all
  const steady = steadyPerSecond(settings)
  return [
    phaseOf('steady', lengths.steady * scale, steady),
    phaseOf('tenfold', lengths.tenfold * scale, steady * settings.tenfold),
    phaseOf('back', lengths.back * scale, steady),
  ]
}

/**
 * Who comes during these phases. Employers count against the rated capacity; candidates come on
 * top, at a rate of their own.
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

/** The phase in which somebody came, so many milliseconds after the begin. */
export function phaseAt(phases: readonly Phase[], offsetMs: number): string {
  let endMs = 0
  const phase = phases.find(({ stages }) => {
    endMs += secondsOf(stages) * msPerSecond
    return offsetMs < endMs
  })
  return (phase ?? phases.at(-1))?.name ?? ''
}

/** As many as can be here at once, by Little's law: arrivals per second times the longest stay. */
export function virtualUsersFor({ stages, stayMs }: Pick<Arrivals, 'stages' | 'stayMs'>): number {
  const perSecond = Math.max(...stages.flatMap(stage => [stage.fromPerSecond, stage.toPerSecond]))
  return Math.min(virtualUsersMax, Math.ceil((perSecond * (stayMs + stayMarginMs)) / msPerSecond))
}

/** One unchanging rate, for which k6 has an executor of its own. */
export function isConstant(stages: readonly Stage[]): boolean {
  const [first, ...more] = stages
  return more.length === 0 && first?.fromPerSecond === first?.toPerSecond
}

/**
 * When the iteration with this number was meant to begin, in milliseconds after its scenario did.
 *
 * k6 starts an iteration when the area below the rate has grown by one more. With a constant rate
 * the first starts at once, so number n (from 0) is due at area n; its ramping executor begins with
 * area 1. Within a stage of length T from a to b the area after x seconds is a·x + (b-a)·x²/2T,
 * which is solved for x. k6 numbers only those iterations that it started: when some were dropped,
 * which no run survives, the later ones seem to have been due too early, and their times come out
 * too long, never too short.
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

/** The smaller root of `from·x + growth·x²/2 = area`, in the form that does not divide by growth. */
function secondsToArea(area: number, fromPerSecond: number, growth: number): number {
  if (area === 0) return 0
  const root = Math.sqrt(Math.max(0, fromPerSecond * fromPerSecond + 2 * growth * area))
  return (2 * area) / (fromPerSecond + root)
}

export function secondsOf(stages: readonly Stage[]): number {
  return stages.reduce((sum, stage) => sum + stage.seconds, 0)
}

/** Whole numbers of arrivals, because k6 takes no others. */
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
