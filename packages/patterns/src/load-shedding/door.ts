import { type Refusal, sendProblem } from '@nightshift/runtime/http/problem'
import { note, stateOf, tenantOf } from '@nightshift/runtime/http/request-state'
import { asksAgain, inBackground } from '@nightshift/runtime/process/priority'
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { Registry } from 'prom-client'
import { type FairShare, type FairShareLimits, fairShare } from './fair-share.ts'
import { admissionMetrics } from './metrics.ts'
import { addPolicy, policyOf } from './told-rate.ts'
import type { Admission, Level } from './types.ts'

export type Door = ReturnType<typeof atTheDoor>

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
  const placeOf = new WeakMap<FastifyRequest, Level>()
  return {
    onRequest(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
      const perSecond = admission.openPerSecond()
      if (perSecond !== undefined) addPolicy(reply, policyOf(perSecond))
      const level = levelOf(request, shares)
      if (admission.take(level)) {
        placeOf.set(request, level)
        if (level !== 'begun') shares.use(tenantOf(request))
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
      const level = placeOf.get(request)
      if (level && !usedItsPlace(request, reply.statusCode)) admission.giveBack(level)
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
  const least = level === 'low' ? 4 : 2
  return least + Math.floor(Math.random() * least)
}

/**
 * - begun: a job of another service of ours finishes what that service has accepted.
 * - high: every attempt of a modest tenant, and first attempts of a tenant within its share.
 * - middle: first attempts above the share.
 * - low: further attempts.
 *
 * A first attempt comes before a further one, because its caller will still wait for longest. When all
 * tenants come back after an outage, all are above their shares, and that must not make newcomers wait.
 * A caller that lies about its attempts still has only the share of its tenant.
 */
function levelOf(request: FastifyRequest, shares: FairShare): Level {
  const isInBackground = request.headers.priority === inBackground.priority
  if (isInBackground && stateOf(request).principal?.isService) return 'begun'
  const isFurtherAttempt = asksAgain(request)
  const standing = shares.standingOf(tenantOf(request), isFurtherAttempt)
  if (standing === 'modest') return 'high'
  if (isFurtherAttempt) return 'low'
  return standing === 'over' ? 'middle' : 'high'
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
