/**
 * Fault:    more requests arrive than a dependency takes.
 * Without:  load-tests/results/over-quota.json (left open); the code is `naive.ts`.
 * With:     as many are begun as the dependency takes, and the rest is refused at the door.
 * Switch:   PATTERN_LOAD_SHEDDING=naive
 */
import { countPerSecond } from './count-per-second.ts'
import { placesWithLevels } from './places.ts'
import type { Admission } from './types.ts'

export type LearnedRateLimits = Readonly<{
  /** The rate never falls below this, so that a dependency that takes more again is noticed. */
  perSecondMin: number
  /** How much of the rate is kept after a refusal, from 0 to 1. */
  keptShare: number
  /** How far back the rate is measured. */
  windowMs: number
  /** A change of the rate is not judged before it could show an effect. */
  effectMs: number
  /** The rate goes down a little no more often than this. */
  littleMs: number
  /** Places of so much time may be taken at once after a pause, here and at the dependency. */
  burstMs: number
}>

/** A call to the dependency. It calls one of these if it was no use of the dependency's places. */
export type SentCall = Readonly<{
  /** The dependency takes no more now. */
  refused: () => void
  /** The dependency was not reached, so the call says nothing about what it takes. */
  notSent: () => void
}>

/** Up to the rate that is known to get through the rate grows fast, beyond it slowly at first. */
const fastGrowth = 0.25
const slowGrowth = 0.02
const nearCeiling = 0.97
/** How much more is tried each second when no refusal comes: the quota may have been raised. */
const impatience = 0.05
const growthMax = 1
/** There are more requests than places if one was turned away so recently. */
const shortMs = 1_000
/** The rate is off by far with so many refusals, and so many for each call that was taken. */
const refusalsMin = 3
const muchRefused = 0.3
const msPerSecond = 1_000

/**
 * A token bucket whose rate is learned. No limit is known at first. A refusal lowers the rate, at
 * first to what the dependency was measured to take. Without a refusal it grows again, as TCP CUBIC
 * does (RFC 9438): slowly, then faster. It only grows while requests are turned away, because a rate
 * that nobody uses proves nothing.
 * @param now milliseconds of a monotonic clock
 */
export function learnedRate(
  limits: LearnedRateLimits,
  now: () => number = () => performance.now(),
): Admission & {
  /** A call goes out now, and uses up a place of the dependency. */
  sent: () => SentCall
} {
  const sent = countPerSecond(limits.windowMs, now)
  const refused = countPerSecond(limits.windowMs, now)
  const begun = countPerSecond(limits.windowMs, now)
  const places = placesWithLevels(limits.burstMs, now)
  let perSecond: number | undefined
  let ceiling = 0
  let changes = 0
  let changedAt = Number.NEGATIVE_INFINITY
  let shortAt = Number.NEGATIVE_INFINITY

  function growthOf(rate: number): number {
    if (rate < ceiling * nearCeiling) return fastGrowth
    const calmSeconds = (now() - changedAt) / msPerSecond
    return Math.min(growthMax, slowGrowth * (1 + impatience * calmSeconds ** 2))
  }

  /** The calls that were taken since the last change, per second. */
  function takenPerSecond(): number {
    return Math.max(0, sent.perSecond() - refused.perSecond())
  }

  /**
   * What a quota allows per second, at its first refusal. A token bucket that was full has by then given
   * out its size, which is `burstMs` of the rate, and what it got meanwhile: rate * (burst + passed).
   */
  function firstMeasure(): number {
    const burst = limits.burstMs / msPerSecond
    const taken = Math.max(0, sent.total() - refused.total())
    return taken / (burst + sent.seconds())
  }

  /**
   * The rate after a refusal; undefined leaves it as it is. A few refusals come from looking for more,
   * and the rate goes down a little. When much is refused, the quota is another one, and the rate
   * becomes what got through since the last change. `known` is a rate that it may grow to fast.
   */
  function lowered(): { rate: number; known: number } | undefined {
    const taken = takenPerSecond()
    // The first measure is a guess. The next refusal says whether it was too high.
    if (perSecond === undefined) return { rate: firstMeasure(), known: Number.POSITIVE_INFINITY }
    const sinceMs = now() - changedAt
    if (sinceMs < limits.effectMs) return undefined
    const isMuch = refused.perSecond() > taken * muchRefused
    if (isMuch && refused.total() >= refusalsMin) {
      const known = Math.max(perSecond / 2, Math.min(perSecond, taken))
      return { rate: known * limits.keptShare, known }
    }
    const rate = perSecond * limits.keptShare
    return sinceMs < limits.littleMs ? undefined : { rate, known: rate }
  }

  function startCounting(): void {
    sent.forget()
    refused.forget()
  }

  function lower(): void {
    refused.add(1)
    const next = lowered()
    if (next === undefined) return
    perSecond = Math.max(limits.perSecondMin, next.rate)
    ceiling = next.known
    changes += 1
    changedAt = now()
    startCounting()
    places.refill(perSecond)
    places.keepForNewcomers()
  }

  return {
    take(level) {
      if (perSecond === undefined) return true
      const seconds = places.refill(perSecond)
      if (now() - shortAt < shortMs) perSecond *= 1 + seconds * growthOf(perSecond)
      const isTaken = places.take(level)
      if (!isTaken) shortAt = now()
      if (isTaken && level === 'begun') begun.add(1)
      return isTaken
    },
    giveBack(level) {
      places.giveBack(level)
      if (level === 'begun' && perSecond !== undefined) begun.add(-1)
    },
    perSecond: () => perSecond,
    openPerSecond: () => perSecond && Math.max(limits.perSecondMin, perSecond - begun.perSecond()),
    sent() {
      // After a pause the window would be mostly empty, and what is taken now would seem to be little.
      if (sent.total() <= 0) startCounting()
      sent.add(1)
      const ofRate = changes
      // A call that was sent at an older rate says nothing about this one.
      const ifOfThisRate = (act: () => void) => () => (ofRate === changes ? act() : undefined)
      return { refused: ifOfThisRate(lower), notSent: ifOfThisRate(() => sent.add(-1)) }
    },
  }
}
