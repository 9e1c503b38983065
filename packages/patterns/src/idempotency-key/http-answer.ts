import {
  jitteredRetryAfterSeconds,
  type Refusal,
  sendProblem,
} from '@nightshift/runtime/http/problem'
import { note } from '@nightshift/runtime/http/request-state'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { NotClaimed, StoredAnswer } from './types.ts'

/** Sends an answer as it is stored: the same bytes each time, and only the headers it names. */
export function sendKeyedAnswer(reply: FastifyReply, answer: StoredAnswer, replayed: boolean) {
  if (replayed) reply.header('idempotency-replayed', 'true')
  // The body is JSON text already. The serializer of the route would quote it as a string.
  return reply
    .code(answer.status)
    .headers(answer.headers)
    .serializer((body: unknown) => String(body))
    .send(answer.body)
}

/** Answers a request that did not get its key: the stored answer, or a 409, 422 or 503. */
export function sendNotClaimed(
  request: FastifyRequest,
  reply: FastifyReply,
  why: NotClaimed | { kind: 'overloaded' },
) {
  if (why.kind !== 'finished') return sendProblem(request, reply, refusalOf(why))
  note(request, { replayed: true })
  return sendKeyedAnswer(reply, why.answer, true)
}

function refusalOf(
  why: Exclude<NotClaimed, { kind: 'finished' }> | { kind: 'overloaded' },
): Refusal {
  switch (why.kind) {
    case 'overloaded':
      // Work that cannot be finished in time is not begun. The key stays unused.
      return {
        status: 503,
        slug: 'overloaded',
        title: 'The request cannot be finished in time',
        detail: 'Nothing was done. Send the request again, with the same key, after Retry-After.',
        retryAfterSeconds: jitteredRetryAfterSeconds(),
      }
    case 'different_request':
      return {
        status: 422,
        slug: 'idempotency-key-reused',
        title: 'This Idempotency-Key was used for another request',
        detail: 'A new intent needs a new key.',
      }
    case 'in_progress':
      return {
        status: 409,
        slug: 'request-in-progress',
        title: 'The first request with this key is still in progress',
        detail: 'Send the request again, with the same key, after Retry-After.',
        retryAfterSeconds: Math.max(1, Math.ceil(Math.min(why.retryAfterMs, 2_000) / 1000)),
      }
  }
}
