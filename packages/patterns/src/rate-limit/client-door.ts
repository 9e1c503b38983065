import { type Refusal, sendProblem } from '@nightshift/runtime/http/problem'
import { note } from '@nightshift/runtime/http/request-state'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientOf } from './client-of.ts'
import { limitLocally } from './local-limit.ts'
import type { RateLimitMetrics } from './metrics.ts'
import type { Limit } from './types.ts'
import { wholeSeconds } from './whole-seconds.ts'

export type ClientDoorOptions = {
  /** In the name of the bucket. */
  service: string
  perSecond: number
  limits: Readonly<{
    /** The requests that may come at once after a pause, as a time at the rate. */
    burstMs: number
    /** Clients that are remembered. */
    clientsMax: number
  }>
  /** Requests come from a proxy, which adds the address of its client to `x-forwarded-for`. */
  isBehindProxy: boolean
  metrics: Pick<RateLimitMetrics, 'refused'>
}

const secondMs = 1_000
const limitName = 'client'

/**
 * The hook of a public route that costs something: a limit for each network address, because a caller
 * without a key has no other name. Each process counts by itself, without Redis. It keeps one client
 * from taking what belongs to all. A client with many addresses gets as many limits.
 */
export function clientDoor(options: ClientDoorOptions) {
  const { service, perSecond, limits, isBehindProxy, metrics } = options
  const limit: Limit = {
    name: limitName,
    bucket: `${service}:clients`,
    count: perSecond,
    windowMs: secondMs,
    burst: Math.max(1, Math.floor((perSecond * limits.burstMs) / secondMs)),
  }
  const take = limitLocally(limits.clientsMax)
  // Prometheus sees an increase only of a series that was there before.
  metrics.refused.inc({ limit: limitName }, 0)

  return async (request: FastifyRequest, reply: FastifyReply) => {
    const client = clientOf(request.raw, isBehindProxy)
    const { isAllowed, states } = await take(client, [{ limit, needs: 1, cost: 1 }])
    if (isAllowed) return
    metrics.refused.inc({ limit: limitName })
    note(request, { refusedBy: limitName })
    const retryAfterSeconds = wholeSeconds(
      Math.max(...states.map(({ retryAfterMs }) => retryAfterMs)),
    )
    return sendProblem(request, reply, { ...tooMany, retryAfterSeconds })
  }
}

const tooMany: Refusal = {
  status: 429,
  slug: 'too-many-requests',
  title: 'This address sends more requests than it may',
  detail: 'This request has begun nothing. Send it again after Retry-After.',
}
