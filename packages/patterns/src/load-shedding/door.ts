import { type Refusal, sendProblem } from '@nightshift/runtime/http/problem'
import { deadlineOf, note, stateOf, tenantOf } from '@nightshift/runtime/http/request-state'
import { afterNewcomers, asksAgain, inBackground } from '@nightshift/runtime/process/priority'
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { Registry } from 'prom-client'
import { type FairShare, type FairShareLimits, fairShare } from './fair-share.ts'
import { admissionMetrics } from './metrics.ts'
import { addPolicy, policyOf } from './told-rate.ts'
import type { Admission, Level } from './types.ts'

export type Door = ReturnType<typeof atTheDoor>

/** The shares are those of the tenants in what is admitted. */
export type DoorLimits = FairShareLimits &
  Readonly<{
    /** A client with less time left than this has waited, and comes after those that have just come. */
    newcomerMs: number
  }>

export type DoorOptions = {
  dependency: string
  admission: Admission
  limits: DoorLimits
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
      const level = levelOf(request, shares, limits.newcomerMs)
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
 * - high: every request of a modest tenant, and newcomers of a tenant within its share.
 * - middle: newcomers of a tenant above its share.
 * - low: clients that have waited.
 *
 * A newcomer comes before a client that has waited, because that one is about to leave. When all tenants
 * come back after an outage, all are above their shares, and that must not make newcomers wait. A caller
 * that lies about its attempts or its time still has only the share of its tenant.
 */
function levelOf(request: FastifyRequest, shares: FairShare, newcomerMs: number): Level {
  const { isService } = stateOf(request).principal ?? {}
  const { priority } = request.headers
  if (isService && priority === inBackground.priority) return 'begun'
  const waited = isService ? priority === afterNewcomers.priority : hasWaited(request, newcomerMs)
  if (waited) stateOf(request).priority = afterNewcomers
  const standing = shares.standingOf(tenantOf(request), waited)
  if (standing === 'modest') return 'high'
  if (waited) return 'low'
  return standing === 'over' ? 'middle' : 'high'
}

/**
 * A client was refused before, or tells little time (`x-request-timeout-ms`): it has waited, for an earlier
 * request of the same visit perhaps. After an outage of the database most clients come so, with a draft
 * that has just been accepted. The time that a service leaves us is shorter anyway, so it has to say so.
 */
function hasWaited(request: FastifyRequest, newcomerMs: number): boolean {
  return asksAgain(request) || deadlineOf(request).remainingMs() < newcomerMs
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
