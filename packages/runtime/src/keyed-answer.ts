import type { FastifyReply, FastifyRequest } from 'fastify'
import { jitteredRetryAfterSeconds, sendProblem } from './problem.ts'

type Answer = { status: number; headers: Readonly<Record<string, string>>; body: string }

/** Sends an answer as it is or was stored: the same bytes each time, and only the headers it names. */
export function sendKeyedAnswer(reply: FastifyReply, answer: Answer, replayed: boolean) {
  if (replayed) reply.header('idempotency-replayed', 'true')
  // The body is text already; the serialiser of the route would write it again, as a string.
  return reply
    .code(answer.status)
    .headers(answer.headers)
    .serializer((body: unknown) => String(body))
    .send(answer.body)
}

/** What cannot be finished in time is not begun, and the key is as unused as before. */
export function sendOverloaded(request: FastifyRequest, reply: FastifyReply) {
  return sendProblem(request, reply, {
    status: 503,
    slug: 'overloaded',
    title: 'This can not be finished in time',
    detail: 'Nothing was begun. Send it again, with the same key, after Retry-After.',
    retryAfterSeconds: jitteredRetryAfterSeconds(),
  })
}

/** What an `Idempotency-Key` that is taken says: 409 while it is worked on, 422 for another body. */
export function sendKeyRefusal(
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: { kind: 'in_progress'; retryAfterMs: number } | { kind: 'different_request' },
) {
  if (refusal.kind === 'different_request') {
    return sendProblem(request, reply, {
      status: 422,
      slug: 'idempotency-key-reused',
      title: 'This Idempotency-Key was used for another request',
      detail: 'A new intent needs a new key.',
    })
  }
  return sendProblem(request, reply, {
    status: 409,
    slug: 'request-in-progress',
    title: 'The first request with this key is still at work',
    detail: 'Send it again, with the same key, after Retry-After.',
    retryAfterSeconds: Math.max(1, Math.ceil(Math.min(refusal.retryAfterMs, 2_000) / 1000)),
  })
}
