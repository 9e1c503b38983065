import { type Refusal, sendProblem } from '@nightshift/runtime/http/problem'
import { note, stateOf } from '@nightshift/runtime/http/request-state'
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { Door } from '../load-shedding/door.ts'
import { addPolicy } from '../load-shedding/told-rate.ts'
import type { RateLimitMetrics } from './metrics.ts'
import type { Limit, LimitState, TakeUnits, Verdict } from './types.ts'
import { wholeSeconds } from './whole-seconds.ts'

export type LimitedDoorOptions = {
  takeUnits: TakeUnits
  limits: Readonly<{
    /** Requests of one tenant. */
    requests: Limit
    /** Its declined payments. */
    declined: Limit
    /** So many paid payments give one declined payment back. */
    paidPerDeclined: number
  }>
  metrics: RateLimitMetrics
  /** Numbers in [0, 1). */
  random?: () => number
}

/** The hooks of a route with both doors, in the order in which they run. */
export type RouteHooks = Readonly<{
  onRequest: Door['onRequest'][]
  onResponse: Door['onResponse']
}>

/** The field that says what is left (draft-ietf-httpapi-ratelimit-headers-10; the draft is no RFC). */
const limitHeader = 'ratelimit'

/**
 * The limits of each tenant on one route. A request is refused before its body is read: nothing has
 * begun.
 *
 * Declined payments have a limit of their own. Nearly all payments of a card tester are declined, and
 * it needs no high rate. A payment that was made gives a part of one back, or a
 * large honest tenant would be locked out by its usual few of a hundred.
 */
export function limitedDoor({
  takeUnits,
  limits: { requests, declined, paidPerDeclined },
  metrics,
  random = Math.random,
}: LimitedDoorOptions) {
  const asks = [
    { limit: requests, needs: 1, cost: 1 },
    { limit: declined, needs: 1, cost: 0 },
  ]
  // Prometheus sees an increase only of a series that was there before.
  for (const { name } of [requests, declined]) metrics.refused.inc({ limit: name }, 0)
  const policy = `"${requests.name}";q=${requests.count};w=${wholeSeconds(requests.windowMs)}`

  /** Not awaited, because no answer depends on it. It cannot fail: without Redis the process counts. */
  function countDeclined(tenantId: string, units: number): void {
    void takeUnits(tenantId, [{ limit: declined, needs: 0, cost: units }])
  }

  function onRequest(
    request: FastifyRequest,
    reply: FastifyReply,
    done: HookHandlerDoneFunction,
  ): void {
    const { principal } = stateOf(request)
    // A service of ours has limited the tenant at its own door, and may have begun its work.
    if (principal === undefined || principal.isService) {
      done()
      return
    }
    takeUnits(principal.tenantId, asks).then(verdict => {
      tellLimit(reply, verdict)
      if (verdict.isAllowed) done()
      else refuse(request, reply, verdict)
    }, done)
  }

  function tellLimit(reply: FastifyReply, { states: [ofRequests] }: Verdict): void {
    addPolicy(reply, policy)
    if (ofRequests) reply.header(limitHeader, itemOf(requests, ofRequests))
  }

  function refuse(request: FastifyRequest, reply: FastifyReply, { states }: Verdict): void {
    const [, ofDeclined] = states
    const isForDeclined = ofDeclined !== undefined && ofDeclined.retryAfterMs > 0
    const [limit, refusal] = isForDeclined ? [declined, tooManyDeclined] : [requests, tooMany]
    metrics.refused.inc({ limit: limit.name })
    note(request, { refusedBy: limit.name })
    const waitsMs = states.map(({ retryAfterMs }) => retryAfterMs)
    const retryAfterSeconds = wholeSeconds(Math.max(...waitsMs))
    void sendProblem(request, reply, { ...refusal, retryAfterSeconds })
  }

  return {
    onRequest,
    /**
     * The hooks of a route whose dependency has a door of its own. That one comes first: in an overload it
     * refuses most requests, and need not ask Redis for that. A place that it gave to a tenant above its
     * limit is given back.
     */
    behind: (door: Door): RouteHooks => ({
      onRequest: [door.onRequest, onRequest],
      onResponse: door.onResponse,
    }),
    /** A payment of the tenant has got its final answer: by a request, or by a job. */
    settled(tenantId: string, status: 'declined' | 'paid'): void {
      if (status === 'declined') countDeclined(tenantId, 1)
      // One in so many, and no count of them: nothing has to be remembered for each tenant.
      else if (random() * paidPerDeclined < 1) countDeclined(tenantId, -1)
    },
  }
}

/** What is left of a limit. `t` is the wait until a refused request would pass, or the time until the bucket is empty. */
function itemOf({ name }: Limit, { remaining, retryAfterMs, resetMs }: LimitState): string {
  return `"${name}";r=${remaining};t=${wholeSeconds(retryAfterMs || resetMs)}`
}

const tooMany: Refusal = {
  status: 429,
  slug: 'too-many-requests',
  title: 'This tenant sends more requests than it may',
  detail: 'This request has begun nothing. Send it again, with the same key, after Retry-After.',
}

const tooManyDeclined: Refusal = {
  status: 429,
  slug: 'too-many-declined',
  title: 'Too many payments of this tenant were declined',
  detail: 'This request has begun nothing. New payments are taken after Retry-After.',
}
