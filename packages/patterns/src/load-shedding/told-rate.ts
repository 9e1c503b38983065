import type { FastifyReply } from 'fastify'
import { placesWithLevels } from './places.ts'
import type { Admission } from './types.ts'

export type ToldRateLimits = Readonly<{
  /** How much more is let in than the next service says it takes. It refuses what is too much. */
  surplus: number
  /** A rate that was told so long ago grows, and after twice this time it is forgotten. */
  forgetMs: number
  burstMs: number
}>

/**
 * The header in which a door says how many requests it takes: so many in so many seconds. It is the
 * policy of draft-ietf-httpapi-ratelimit-headers; the draft is not an RFC.
 */
export const policyHeader = 'ratelimit-policy'
/** One item of the list. Other limits of the same route have items of their own. */
const policyForm = /(?:^|, )"door";q=(\d{1,9});w=(\d{1,4})(?:$|, )/
const windowSeconds = 10
const growthPerSecond = 0.25
const msPerSecond = 1_000
/**
 * The rate that is told is what the next service has left for requests. Most work that has begun is known
 * there and finished there, so little is kept here for what has not arrived.
 */
const keptForBegun = { perSecond: 0.5, shareMin: 0.05, shareMax: 0.15 }

/** The value of the header for a rate. It has a resolution of a tenth of a request per second. */
export function policyOf(perSecond: number): string {
  return `"door";q=${Math.max(1, Math.round(perSecond * windowSeconds))};w=${windowSeconds}`
}

/** Adds a policy to those that an answer already tells. */
export function addPolicy(reply: FastifyReply, policy: string): void {
  const told = reply.getHeader(policyHeader)
  reply.header(policyHeader, told === undefined ? policy : `${told}, ${policy}`)
}

/**
 * A token bucket whose rate another service of ours tells with each answer. Two doors behind each
 * other must not both look for the same limit: each would take the other's caution for a refusal, and
 * both would end far below it.
 * @param now milliseconds of a monotonic clock
 */
export function toldRate(
  limits: ToldRateLimits,
  now: () => number = () => performance.now(),
): Admission & {
  /**
   * Reads the header of an answer. An answer without one changes nothing: a service that has just been
   * restarted does not know its limit yet.
   */
  hear: (policy: unknown) => void
} {
  const places = placesWithLevels(limits.burstMs, keptForBegun, now)
  let told: number | undefined
  let toldAt = Number.NEGATIVE_INFINITY

  /**
   * A service that was restarted does not tell a limit before it is refused again. If the old one were
   * forgotten at once, all who wait would be let in at the same moment.
   */
  function perSecond(): number | undefined {
    const agedMs = now() - toldAt - limits.forgetMs
    if (told === undefined || agedMs >= limits.forgetMs) return undefined
    return told * (1 + growthPerSecond) ** (Math.max(0, agedMs) / msPerSecond)
  }

  return {
    take(level) {
      const rate = perSecond()
      if (rate === undefined) return true
      places.refill(rate)
      return places.take(level)
    },
    giveBack: places.giveBack,
    perSecond,
    openPerSecond: perSecond,
    hear(policy) {
      const [, requests, seconds] = policyForm.exec(typeof policy === 'string' ? policy : '') ?? []
      if (seconds === undefined) return
      told = (Number(requests) / Number(seconds)) * limits.surplus
      toldAt = now()
    },
  }
}
