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
  /** How much of what was measured is used after a refusal, from 0 to 1: the bucket there is empty. */
  keptShare: number
  /** How far back the rate is measured. */
  windowMs: number
  /** A change of the rate is not judged before it could show an effect. */
  effectMs: number
  /** The rate goes down no more often than this while few calls are refused. */
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
const slowGrowth = 0.003
const nearCeiling = 0.97
/** How much more is tried each second when no refusal comes: the quota may have been raised. */
const impatience = 0.1
const growthMax = 1
/** There are more requests than places if one was turned away so recently. */
const shortMs = 1_000
/** What is kept for one level does not help another, so a request may be turned away beside free places. */
const usedShare = 0.8
/** The rate is off by far with so many refusals, and so large a share of the calls. */
const refusalsMin = 3
const muchRefused = 0.3
/** A measure of a moment may be wrong. The rate keeps so much of itself, however low the measure is. */
const keptLeast = 0.5
const keptForBegun = { perSecond: 1, shareMin: 0.1, shareMax: 0.3 }
const msPerSecond = 1_000

/**
 * A token bucket whose rate is learned. No limit is known at first. A refusal lowers the rate to what
 * the dependency was measured to take. Without a refusal it grows again, as TCP CUBIC does (RFC 9438):
 * slowly, then faster. It only grows while it is used and requests are turned away.
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
  const places = placesWithLevels(limits.burstMs, keptForBegun, now)
  let perSecond: number | undefined
  let ceiling = 0
  let changes = 0
  let takenSinceChange = 0
  let changedAt = Number.NEGATIVE_INFINITY
  let shortAt = Number.NEGATIVE_INFINITY

  /** A rate that is not used proves nothing. */
  function isUsed(rate: number): boolean {
    return now() - shortAt < shortMs && sent.perSecond() > usedShare * rate
  }

  function growthOf(rate: number): number {
    if (rate < ceiling * nearCeiling) return fastGrowth
    const calmSeconds = (now() - changedAt) / msPerSecond
    return Math.min(growthMax, slowGrowth * (1 + impatience * calmSeconds ** 2))
  }

  /**
   * What the dependency takes per second, measured when it refuses. If its quota is a token bucket, the
   * bucket is empty now, so both measures are at most the quota, and the larger one is nearer to it.
   * - Since the rate was last changed: the bucket was empty then too, and gave out what it got. It may
   *   have the larger part of one more, which counts for much after a short time.
   * - In the window: the bucket was full at most, with `burstMs` of the rate. This measure is right after
   *   a pause, and when no rate is known.
   */
  function measured(): number {
    const sinceChange = (takenSinceChange + 1) / ((now() - changedAt) / msPerSecond)
    const taken = Math.max(0, sent.total() - refused.total())
    const inWindow = taken / (sent.seconds() + limits.burstMs / msPerSecond)
    return Math.max(sinceChange, inWindow)
  }

  /**
   * The rate after a refusal; undefined leaves it as it is. A few refusals come from looking for more.
   * When much is refused, the quota is another one. `known` is a rate that it may grow to fast.
   */
  function lowered(): { rate: number; known: number } | undefined {
    // The size of the bucket is not known yet. At the next refusal it is empty for sure.
    if (perSecond === undefined) return { rate: measured(), known: Number.POSITIVE_INFINITY }
    const sinceMs = now() - changedAt
    if (sinceMs < limits.effectMs) return undefined
    const refusedShare = refused.total() / Math.max(1, sent.total())
    const isMuch = refusedShare > muchRefused && refused.total() >= refusalsMin
    if (!isMuch && sinceMs < limits.littleMs) return undefined
    const least = perSecond * (isMuch ? keptLeast : 1 - muchRefused)
    const known = Math.max(least, Math.min(perSecond, measured()))
    return { rate: known * limits.keptShare, known }
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
    takenSinceChange = 0
    startCounting()
    places.refill(perSecond)
    places.keepForNewcomers()
  }

  return {
    take(level) {
      if (perSecond === undefined) return true
      const seconds = places.refill(perSecond)
      if (isUsed(perSecond)) perSecond *= 1 + seconds * growthOf(perSecond)
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
      takenSinceChange += 1
      const ofRate = changes
      // A call that was sent at an older rate says nothing about this one.
      const notTaken = (act: () => void) => () => {
        if (ofRate !== changes) return
        takenSinceChange -= 1
        act()
      }
      return { refused: notTaken(lower), notSent: notTaken(() => sent.add(-1)) }
    },
  }
}
