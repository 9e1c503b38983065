import {
  jitteredRetryAfterSeconds,
  type Refusal,
  sendProblem,
} from '@nightshift/runtime/http/problem'
import { note } from '@nightshift/runtime/http/request-state'
import type { FastifyReply, FastifyRequest } from 'fastify'

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

/** Why a request with an `Idempotency-Key` is not carried out now. */
export type NotNow =
  | { kind: 'overloaded' }
  | { kind: 'in_progress'; retryAfterMs: number }
  | { kind: 'different_request' }
  | { kind: 'finished'; answer: Answer }

/** The answer that was given before, or why there is none: 409, 422 or 503. */
export function sendNotNow(request: FastifyRequest, reply: FastifyReply, why: NotNow) {
  if (why.kind !== 'finished') return sendProblem(request, reply, refusalOf(why))
  note(request, { replayed: true })
  return sendKeyedAnswer(reply, why.answer, true)
}

function refusalOf(why: Exclude<NotNow, { kind: 'finished' }>): Refusal {
  switch (why.kind) {
    case 'overloaded':
      // What cannot be finished in time is not begun, and the key is as unused as before.
      return {
        status: 503,
        slug: 'overloaded',
        title: 'This can not be finished in time',
        detail: 'Nothing was begun. Send it again, with the same key, after Retry-After.',
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
        title: 'The first request with this key is still at work',
        detail: 'Send it again, with the same key, after Retry-After.',
        retryAfterSeconds: Math.max(1, Math.ceil(Math.min(why.retryAfterMs, 2_000) / 1000)),
      }
  }
}
