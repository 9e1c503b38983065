import type { Problem } from '@nightshift/contracts/problem'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** A refusal. The request adds its own id. */
export type Refusal = {
  status: number
  /** Last part of the `type` path. */
  slug: string
  title: string
  detail?: string
  errors?: Problem['errors']
  retryAfterSeconds?: number
  /** Extension members (RFC 9457, 3.2): what a program needs to know about this one refusal. */
  members?: Readonly<Record<string, string>>
}

export const problemMediaType = 'application/problem+json; charset=utf-8'

export function problemOf(refusal: Refusal, instance: string): Problem {
  const { slug, title, status, detail, errors, members } = refusal
  return {
    type: `/problems/${slug}`,
    title,
    status,
    ...(detail === undefined ? {} : { detail }),
    instance,
    ...(errors === undefined ? {} : { errors }),
    ...members,
  }
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, refusal: Refusal) {
  if (refusal.retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(refusal.retryAfterSeconds))
  }
  // Serialised here: a problem must be sent even where the route has no schema for its status.
  return reply
    .code(refusal.status)
    .header('content-type', problemMediaType)
    .serializer((payload: unknown) => String(payload))
    .send(JSON.stringify(problemOf(refusal, request.id)))
}

/** Jittered, or all callers that are refused now come back in the same second. */
export function jitteredRetryAfterSeconds(): number {
  return 1 + Math.floor(Math.random() * 4)
}
