import { type Refusal, sendProblem } from '@nightshift/runtime/http/problem'
import { note, stateOf, tenantOf } from '@nightshift/runtime/http/request-state'
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { Registry } from 'prom-client'
import { type FairShare, type FairShareLimits, fairShare } from './fair-share.ts'
import { admissionMetrics } from './metrics.ts'
import { addPolicy, policyOf } from './told-rate.ts'
import type { Admission, Level } from './types.ts'

export type Door = ReturnType<typeof atTheDoor>

/** The number of earlier attempts of the same request. There is no standard header for it. */
export const retryHeader = 'x-retry-attempt'

export type DoorOptions = {
  dependency: string
  admission: Admission
  /** The shares of the tenants in what is admitted. */
  limits: FairShareLimits
  registry: Registry
}

/**
 * The hooks of a route that uses up a scarce dependency. A request gets a place before its body is
 * read, or a 503. Its key is known by then, because a tenant without a place must not crowd out
 * others; looking a known key up costs no query.
 */
export function atTheDoor({ dependency, admission, limits, registry }: DoorOptions) {
  const shares = fairShare(limits, admission.perSecond)
  const metrics = admissionMetrics(registry, dependency, admission)
  /** A request that was refused by this or by an earlier hook has none to give back. */
  const withPlace = new WeakSet<FastifyRequest>()
  return {
    onRequest(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
      const perSecond = admission.openPerSecond()
      if (perSecond !== undefined) addPolicy(reply, policyOf(perSecond))
      const level = levelOf(request, shares)
      if (admission.take(level)) {
        withPlace.add(request)
        shares.use(tenantOf(request))
        done()
        return
      }
      metrics.refused(level)
      note(request, { refusedAt: 'door', level })
      void sendProblem(request, reply, {
        ...noPlace,
        retryAfterSeconds: retryAfterSeconds(level),
      })
    },
    onResponse(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
      const hadPlace = withPlace.has(request)
      if (hadPlace && !usedItsPlace(request, reply.statusCode)) admission.giveBack()
      done()
    },
  }
}

const noPlace: Refusal = {
  status: 503,
  slug: 'overloaded',
  title: 'There are more requests than can be served',
  detail: 'This request has begun nothing. Send it again, with the same key, after Retry-After.',
}

/**
 * A caller that asks again has found no place although there were seconds in between, so the
 * overload lasts. It is told to stay away longer. Jittered, or all come back in the same second.
 */
function retryAfterSeconds(level: Level): number {
  const least = level === 'high' ? 2 : 4
  return least + Math.floor(Math.random() * least)
}

/**
 * - high: every attempt of a modest tenant, and first attempts of a tenant within its share.
 * - middle: further attempts within the share, and first attempts above it.
 * - low: further attempts above the share.
 *
 * A first attempt comes before a further one, because its caller will still wait for longest. A caller
 * that lies about its attempts still has only the share of its tenant.
 */
function levelOf(request: FastifyRequest, shares: FairShare): Level {
  const attempts = request.headers[retryHeader]
  const asksAgain = typeof attempts === 'string' && /^[1-9]\d{0,2}$/.test(attempts)
  const standing = shares.standingOf(tenantOf(request), asksAgain)
  if (standing === 'modest') return 'high'
  if (standing === 'over') return asksAgain ? 'low' : 'middle'
  return asksAgain ? 'middle' : 'high'
}

/**
 * A mistake, a tenant above its limit, a repetition that got its stored answer, and a request that waited
 * in vain for its turn have not called the dependency.
 */
function usedItsPlace(request: FastifyRequest, status: number): boolean {
  const { replayed, refusedAt } = stateOf(request).facts
  const isRefused = status >= 400 && status < 500 && status !== 402
  return !isRefused && replayed !== true && refusedAt !== 'queue'
}
